/*
 * How LMDB's pages are laid out, and the steps of looking at them that pages.c and path.c share.
 *
 * The layout is that of data version 1 (mdb.c: MDB_page, MDB_node, MDB_db, MDB_meta), the one that
 * every LMDB 0.9 writes for the word size it is built for; a file of the other word size is not
 * sound.
 */
#ifndef VCACHE_CACHE_PAGE_LAYOUT_H
#define VCACHE_CACHE_PAGE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BRANCH 0x01
#define PAGE_LEAF 0x02
#define PAGE_OVERFLOW 0x04
#define PAGE_META 0x08
#define NODE_OVERFLOW 0x01 /* its data is the number of an overflow page */
#define NODE_TREE 0x02     /* its data is a tree of its own */
#define NO_ROOT SIZE_MAX
#define DEPTH_LIMIT 32 /* of LMDB's cursors */

struct page_head {
    size_t number;
    uint16_t pad;
    uint16_t flags;
    union {
        struct {
            uint16_t lower; /* where the free space between the node offsets and the nodes begins */
            uint16_t upper; /* and where it ends */
        };
        uint32_t page_count; /* of an overflow page and those that follow it */
    };
};

struct tree {
    uint32_t pad; /* of the first tree: the page size */
    uint16_t flags;
    uint16_t depth;
    size_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
    uint32_t magic;
    uint32_t version;
    void *address;
    size_t map_size;
    struct tree trees[2]; /* of the free pages; of all tables */
    size_t last_page;
    size_t transaction;
};

struct node {
    uint16_t low, high; /* size of the data; in a branch, with `flags`, the child's number */
    uint16_t flags;
    uint16_t key_size;
};

/* Read, not mapped: a page that is not there is an error then, and no signal; and to look at few
 * pages costs less so than to map and touch them. */
struct look {
    int fd;
    size_t page_size;
    size_t last_page;
    unsigned left; /* pages that may still be looked at */
};

static inline size_t page_count_nodes(const struct page_head *head)
{
    return (head->lower - sizeof(*head)) / sizeof(uint16_t);
}

/* `size` bytes from a page on, to be freed; NULL if they are not there. */
uint8_t *page_read(const struct look *look, size_t number, size_t size);

/* The node `i` of a page whose head is sound; false if it does not lie within. */
bool page_node(const struct look *look, const uint8_t *page, const struct page_head *head, size_t i,
               size_t *offset, struct node *node);

/* The number of the page that a branch's node leads to. */
size_t page_child(const struct node *node);

/*
 * Whether the page is what stands `depth` levels above nothing (1: a leaf) of a tree, the free
 * pages' one or another, and all its nodes lie within. Of what they lead to, look->left pages are
 * looked at too.
 */
bool page_is_as_expected(struct look *look, const uint8_t *page, size_t number, unsigned depth,
                         bool is_free);

/* The newer of the two metas; false if they make no sense, or are beyond the file's end. */
bool page_read_meta(int fd, struct meta *newer);

#endif
