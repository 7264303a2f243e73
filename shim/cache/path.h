/*
 * Paths: the pages from a table's root to one key, looked at before LMDB changes them. Whatever the
 * size of the cache these are few, and with them is seen all that a change of that key may copy,
 * split, or, when something is removed, merge.
 */
#ifndef VCACHE_CACHE_PATH_H
#define VCACHE_CACHE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_TABLES 8
#define PATH_SEEN 64

/* What one transaction has seen of the state it began with; not for two threads at once. */
struct path_view {
    int fd;
    size_t page_size;
    size_t last_page;
    struct path_tree {
        size_t root;
        unsigned depth; /* 0: not looked up yet */
    } main, tables[PATH_TABLES];
    size_t seen[PATH_SEEN]; /* pages that were as expected */
};

/* Inside the gate, with no transaction that has changed anything. */
bool path_begin(struct path_view *view, int fd);

enum path_use { PATH_PUT, PATH_REMOVE /* the neighbours too: pages that empty are merged */ };

/* `table`: any number below PATH_TABLES, the same for the same `name`. */
bool path_is_sound(struct path_view *view, unsigned table, const char *name, const void *key,
                   size_t key_size, enum path_use use);

#endif
