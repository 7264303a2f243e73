/* Pages: see pages.h. */
#include "cache/pages.h"

#include "cache/page_layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC 0xBEEFC0DE
#define META_VERSION 1

static bool tree_is_sound(struct look *look, const struct tree *tree, bool is_free);

static bool has_page(const struct look *look, size_t number)
{
    return number > 1 && number <= look->last_page;
}

uint8_t *page_read(const struct look *look, size_t number, size_t size)
{
    uint8_t *bytes = has_page(look, number) ? malloc(size) : NULL;
    if (bytes && pread(look->fd, bytes, size, (off_t)(number * look->page_size)) != (ssize_t)size) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static size_t overflow_pages(size_t size, size_t page_size)
{
    return (sizeof(struct page_head) - 1 + size) / page_size + 1;
}

static bool overflow_head_is_sound(const uint8_t *value, size_t size, size_t page_size)
{
    struct page_head head;
    memcpy(&head, value - sizeof(head), sizeof(head));
    return head.flags == PAGE_OVERFLOW && head.page_count == overflow_pages(size, page_size);
}

bool pages_hold_value(const void *value, size_t size, size_t key_size, size_t page_size)
{
    /* What fits twice into a page lies in a leaf (mdb.c, me_nodemax). */
    size_t in_leaf = ((page_size - sizeof(struct page_head)) / 2 & ~(size_t)1) - sizeof(uint16_t);
    bool is_overflow = sizeof(struct node) + key_size + size > in_leaf &&
                       ((uintptr_t)value & (page_size - 1)) == sizeof(struct page_head);
    return !is_overflow || overflow_head_is_sound(value, size, page_size);
}

/* A list of free pages: how many, then their numbers, falling. */
static bool free_list_is_sound(const struct look *look, const uint8_t *data, size_t size)
{
    size_t count;
    if (size < sizeof(count))
        return false;
    memcpy(&count, data, sizeof(count));
    if (count > size / sizeof(count) - 1)
        return false;
    size_t before = look->last_page + 1;
    for (size_t i = 1; i <= count; i++) {
        size_t number;
        memcpy(&number, data + i * sizeof(number), sizeof(number));
        if (number < 2 || number >= before)
            return false;
        before = number;
    }
    return true;
}

static bool overflow_is_sound(const struct look *look, const uint8_t *data, size_t size,
                              bool is_free)
{
    size_t number;
    memcpy(&number, data, sizeof(number));
    size_t count = overflow_pages(size, look->page_size);
    if (!has_page(look, number) || count > look->last_page + 1 - number)
        return false;
    if (!is_free)
        return true; /* these are many, and are looked at when their turn comes */
    uint8_t *page = page_read(look, number, count * look->page_size);
    const uint8_t *value = page + sizeof(struct page_head);
    bool is_sound = page && overflow_head_is_sound(value, size, look->page_size) &&
                    free_list_is_sound(look, value, size);
    free(page);
    return is_sound;
}

/* `room`: to the end of the page. */
static bool leaf_node_is_sound(struct look *look, const struct node *node, const uint8_t *bytes,
                               size_t room, bool is_free)
{
    const uint8_t *data = bytes + sizeof(*node) + node->key_size;
    size_t size = node->low | (size_t)node->high << 16;
    size_t in_page = node->flags & NODE_OVERFLOW ? sizeof(size_t) : size;
    if (node->flags & ~(NODE_OVERFLOW | NODE_TREE) || node->key_size == 0 ||
        in_page > room - sizeof(*node) || node->key_size > room - sizeof(*node) - in_page)
        return false;
    if (is_free && node->key_size != sizeof(size_t))
        return false;
    if (node->flags & NODE_OVERFLOW)
        return overflow_is_sound(look, data, size, is_free);
    if (is_free)
        return free_list_is_sound(look, data, size);
    if (!(node->flags & NODE_TREE))
        return true;
    struct tree tree;
    if (size != sizeof(tree))
        return false;
    memcpy(&tree, data, sizeof(tree));
    return tree_is_sound(look, &tree, false);
}

static bool page_is_sound(struct look *look, size_t number, unsigned depth, bool is_free);

size_t page_child(const struct node *node)
{
    size_t child = node->low | (size_t)node->high << 16;
    if (sizeof(size_t) > 4)
        child |= (size_t)node->flags << 16 << 16;
    return child;
}

bool page_node(const struct look *look, const uint8_t *page, const struct page_head *head, size_t i,
               size_t *offset, struct node *node)
{
    uint16_t at;
    memcpy(&at, page + sizeof(*head) + i * sizeof(at), sizeof(at));
    if (at < head->upper || at > look->page_size - sizeof(*node) || at % 2 != 0)
        return false;
    memcpy(node, page + at, sizeof(*node));
    *offset = at;
    return true;
}

static bool head_is_sound(const struct look *look, const struct page_head *head, size_t number,
                          unsigned depth)
{
    return head->number == number && head->flags == (depth == 1 ? PAGE_LEAF : PAGE_BRANCH) &&
           head->lower >= sizeof(*head) && head->lower <= head->upper &&
           head->upper <= look->page_size && head->lower % 2 == 0;
}

bool page_is_as_expected(struct look *look, const uint8_t *page, size_t number, unsigned depth,
                         bool is_free)
{
    struct page_head head;
    memcpy(&head, page, sizeof(head));
    if (!head_is_sound(look, &head, number, depth))
        return false;
    size_t count = page_count_nodes(&head);
    if (count < (depth == 1 || is_free ? 1 : 2))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t offset;
        struct node node;
        if (!page_node(look, page, &head, i, &offset, &node))
            return false;
        size_t room = look->page_size - offset;
        if (depth == 1 ? !leaf_node_is_sound(look, &node, page + offset, room, is_free)
                       : node.key_size > room - sizeof(node) ||
                             !page_is_sound(look, page_child(&node), depth - 1, is_free))
            return false;
    }
    return true;
}

static bool page_is_sound(struct look *look, size_t number, unsigned depth, bool is_free)
{
    if (look->left == 0)
        return has_page(look, number);
    look->left--;
    uint8_t *page = page_read(look, number, look->page_size);
    bool is_sound = page && page_is_as_expected(look, page, number, depth, is_free);
    free(page);
    return is_sound;
}

static bool tree_is_sound(struct look *look, const struct tree *tree, bool is_free)
{
    if (tree->root == NO_ROOT)
        return tree->entries == 0;
    return tree->depth >= 1 && tree->depth <= DEPTH_LIMIT &&
           page_is_sound(look, tree->root, tree->depth, is_free);
}

static bool read_one_meta(int fd, size_t size, size_t offset, struct meta *meta)
{
    struct {
        struct page_head head;
        struct meta meta;
    } page;
    if (pread(fd, &page, sizeof(page), (off_t)offset) != (ssize_t)sizeof(page))
        return false;
    *meta = page.meta;
    size_t page_size = meta->trees[0].pad;
    return (page.head.flags & PAGE_META) && meta->magic == META_MAGIC &&
           meta->version == META_VERSION && page_size >= 512 && page_size <= 65536 &&
           (page_size & (page_size - 1)) == 0 && meta->last_page >= 1 &&
           meta->last_page < size / page_size;
}

bool page_read_meta(int fd, struct meta *newer)
{
    struct stat status;
    struct meta other;
    if (fstat(fd, &status) != 0)
        return false;
    size_t size = (size_t)status.st_size;
    if (!read_one_meta(fd, size, 0, newer) ||
        !read_one_meta(fd, size, newer->trees[0].pad, &other) ||
        newer->trees[0].pad != other.trees[0].pad)
        return false;
    /* Only the newer one's trees are whole: pages of the older may have been used again. */
    if (other.transaction > newer->transaction)
        *newer = other;
    return true;
}

bool pages_are_sound(int fd, unsigned limit)
{
    struct meta meta;
    if (!page_read_meta(fd, &meta))
        return false;
    struct look look = {fd, meta.trees[0].pad, meta.last_page, limit};
    return tree_is_sound(&look, &meta.trees[0], true) &&
           tree_is_sound(&look, &meta.trees[1], false);
}
