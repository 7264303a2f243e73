/*
 * Fork: what a child must forget. The parent's LMDB environment is the parent's (lmdb.h, Caveats);
 * the child closes the descriptors it inherited, leaves the memory alone, and opens its own on
 * first use. The mapped file `shared` is everybody's and stays.
 *
 * A child is noticed by its fork handler, and, where none ran (a raw clone(2)), at the first look
 * at a page that the kernel hands to every child as zeros (MADV_WIPEONFORK, madvise(2)).
 */
#ifndef VCACHE_CACHE_FORK_H
#define VCACHE_CACHE_FORK_H

#include "cache/handle.h"

/* From cache_open and cache_close. fork_enlist is false when fork cannot be watched. */
bool fork_enlist(struct cache *cache);
void fork_delist(struct cache *cache);

/* Whether this process is the one that the handles belong to, after making it so. False only while
 * another thread is at it. Costs a load where nothing has happened. */
bool fork_settle(void);

#endif
