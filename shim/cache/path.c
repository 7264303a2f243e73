/* Paths: see path.h. */
#include "cache/path.h"

#include "cache/page_layout.h"

#include <stdlib.h>
#include <string.h>

/* A key, and what the way to it led past. */
struct way {
    const void *key;
    size_t key_size;
    enum path_use use;
    struct tree *found; /* where the key is a table's name: its tree */
};

bool path_begin(struct path_view *view, int fd)
{
    struct meta meta;
    if (!page_read_meta(fd, &meta))
        return false;
    *view = (struct path_view){.fd = fd, .last_page = meta.last_page};
    view->page_size = meta.trees[0].pad;
    view->main = (struct path_tree){meta.trees[1].root, meta.trees[1].depth};
    return true;
}

static struct look look_of(const struct path_view *view)
{
    return (struct look){view->fd, view->page_size, view->last_page, 0};
}

/* The page, if it is as expected; to be freed. */
static uint8_t *read_sound(struct path_view *view, size_t number, unsigned depth)
{
    struct look look = look_of(view);
    uint8_t *page = page_read(&look, number, view->page_size);
    if (page && page_is_as_expected(&look, page, number, depth, false)) {
        view->seen[number % PATH_SEEN] = number;
        return page;
    }
    free(page);
    return NULL;
}

static bool neighbour_is_sound(struct path_view *view, size_t number, unsigned depth)
{
    if (view->seen[number % PATH_SEEN] == number)
        return true;
    uint8_t *page = read_sound(view, number, depth);
    free(page);
    return page != NULL;
}

/* As LMDB orders keys (mdb.c, mdb_cmp_memn). */
static int compare(const struct way *way, const uint8_t *key, size_t size)
{
    int order = memcmp(way->key, key, way->key_size < size ? way->key_size : size);
    return order != 0 ? order : (way->key_size > size) - (way->key_size < size);
}

/* The node to follow, or in a leaf the node found: the last that is not greater. */
static size_t choose(const struct look *look, const uint8_t *page, const struct way *way,
                     bool is_leaf, int *order)
{
    struct page_head head;
    memcpy(&head, page, sizeof(head));
    size_t low = is_leaf ? 0 : 1; /* the first key of a branch says nothing */
    size_t high = page_count_nodes(&head);
    *order = -1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        size_t offset;
        struct node node;
        page_node(look, page, &head, middle, &offset, &node);
        int found = compare(way, page + offset + sizeof(node), node.key_size);
        if (found >= 0) {
            low = middle + 1;
            *order = found;
        } else {
            high = middle;
        }
    }
    return low > 0 ? low - 1 : 0;
}

static size_t child_at(const struct look *look, const uint8_t *page, size_t i)
{
    struct page_head head;
    struct node node = {0};
    size_t offset;
    memcpy(&head, page, sizeof(head));
    if (i >= page_count_nodes(&head) || !page_node(look, page, &head, i, &offset, &node))
        return 0;
    return page_child(&node);
}

static bool neighbours_are_sound(struct path_view *view, const uint8_t *page, size_t at,
                                 unsigned depth)
{
    struct look look = look_of(view);
    size_t before = at > 0 ? child_at(&look, page, at - 1) : 0;
    size_t after = child_at(&look, page, at + 1);
    return (before == 0 || neighbour_is_sound(view, before, depth)) &&
           (after == 0 || neighbour_is_sound(view, after, depth));
}

static bool take_tree(const struct look *look, const uint8_t *page, size_t at, struct tree *tree)
{
    struct page_head head;
    struct node node = {0};
    size_t offset = 0;
    memcpy(&head, page, sizeof(head));
    if (!page_node(look, page, &head, at, &offset, &node) || !(node.flags & NODE_TREE))
        return false;
    memcpy(tree, page + offset + sizeof(node) + node.key_size, sizeof(*tree));
    return true;
}

static bool follow(struct path_view *view, const struct path_tree *tree, const struct way *way)
{
    struct look look = look_of(view);
    size_t number = tree->root;
    for (unsigned depth = tree->depth; depth > 0; depth--) {
        uint8_t *page = read_sound(view, number, depth);
        if (!page)
            return false;
        int order;
        size_t at = choose(&look, page, way, depth == 1, &order);
        bool is_sound = true;
        if (depth > 1) {
            number = child_at(&look, page, at);
            if (way->use == PATH_REMOVE)
                is_sound = neighbours_are_sound(view, page, at, depth - 1);
        } else if (way->found) {
            is_sound = order == 0 && take_tree(&look, page, at, way->found);
        }
        free(page);
        if (!is_sound)
            return false;
    }
    return true;
}

static bool learn_table(struct path_view *view, const char *name, struct path_tree *known)
{
    struct tree tree;
    struct way way = {name, strlen(name), PATH_PUT, &tree};
    if (view->main.depth == 0 || view->main.depth > DEPTH_LIMIT || !follow(view, &view->main, &way))
        return false;
    if (tree.root != NO_ROOT && (tree.depth == 0 || tree.depth > DEPTH_LIMIT))
        return false;
    *known = (struct path_tree){tree.root, tree.root == NO_ROOT ? 1 : tree.depth};
    return true;
}

bool path_is_sound(struct path_view *view, unsigned table, const char *name, const void *key,
                   size_t key_size, enum path_use use)
{
    struct path_tree *tree = &view->tables[table];
    struct way way = {key, key_size, use, NULL};
    if (tree->depth == 0 && !learn_table(view, name, tree))
        return false;
    return tree->root == NO_ROOT || follow(view, tree, &way);
}
