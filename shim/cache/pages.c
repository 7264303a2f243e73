/*
 * LMDB's meta pages: see pages.h. The layout is that of data version 1 (mdb.c: MDB_page, MDB_meta,
 * MDB_db), the one that every LMDB 0.9 writes for the word size it is built for; a file of the
 * other word size fails here.
 */
#include "cache/pages.h"

#include <stddef.h>
#include <unistd.h>

#define META_MAGIC 0xBEEFC0DE
#define META_VERSION 1
#define FLAG_BRANCH 0x01
#define FLAG_LEAF 0x02
#define FLAG_META 0x08
#define NO_ROOT SIZE_MAX
#define DEPTH_LIMIT 32 /* of LMDB's cursors */

struct page_head {
    size_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower;
    uint16_t upper;
};

struct tree {
    uint32_t pad; /* of the first tree: the page size */
    uint16_t flags;
    uint16_t depth;
    size_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
    struct page_head head;
    uint32_t magic;
    uint32_t version;
    void *address;
    size_t map_size;
    struct tree trees[2];
    size_t last_page;
    size_t transaction;
};

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
    return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool meta_is_sound(const struct meta *meta, uint64_t size)
{
    size_t page_size = meta->trees[0].pad;
    return (meta->head.flags & FLAG_META) && meta->magic == META_MAGIC &&
           meta->version == META_VERSION && page_size >= 512 && page_size <= 65536 &&
           (page_size & (page_size - 1)) == 0 && meta->last_page >= 1 &&
           meta->last_page < size / page_size;
}

/* A root is a page of the kind it must be, with the number it has. */
static bool tree_is_sound(int fd, const struct tree *tree, const struct meta *meta)
{
    if (tree->root == NO_ROOT)
        return true;
    struct page_head head;
    size_t page_size = meta->trees[0].pad;
    return tree->depth >= 1 && tree->depth <= DEPTH_LIMIT && tree->root > 1 &&
           tree->root <= meta->last_page &&
           read_at(fd, &head, sizeof(head), (uint64_t)tree->root * page_size) &&
           head.number == tree->root && head.lower >= sizeof(head) && head.lower <= head.upper &&
           head.upper <= page_size &&
           (head.flags & (tree->depth == 1 ? FLAG_LEAF : FLAG_BRANCH)) != 0;
}

bool pages_are_sound(int fd, uint64_t size)
{
    struct meta metas[2];
    if (!read_at(fd, &metas[0], sizeof(metas[0]), 0) || !meta_is_sound(&metas[0], size) ||
        !read_at(fd, &metas[1], sizeof(metas[1]), metas[0].trees[0].pad) ||
        !meta_is_sound(&metas[1], size) || metas[0].trees[0].pad != metas[1].trees[0].pad)
        return false;
    /* Only the newer one's trees are whole: pages of the older may have been used again. */
    const struct meta *newer = &metas[metas[1].transaction > metas[0].transaction];
    return tree_is_sound(fd, &newer->trees[0], newer) && tree_is_sound(fd, &newer->trees[1], newer);
}
