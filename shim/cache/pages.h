/*
 * Pages: whether an LMDB data file makes sense, found out before LMDB relies on it. LMDB believes
 * what it reads: a wrong number in a page is a crash in the program, or memory overwritten. So
 * pages are looked at with bounds on every number in them: at the opening the first ones of every
 * table, up to a limit; before a write now and then the lists of free pages; and before each change
 * the pages that it may touch (path.h).
 *
 * What remains: a read (mdb_get) of a page beyond the limit, where a wrong flag on the very node
 * that is read may crash, and damage done between a look and the use. It takes a stray write of the
 * same user to do that.
 */
#ifndef VCACHE_CACHE_PAGES_H
#define VCACHE_CACHE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks at a file that nobody writes to meanwhile: at its first two pages, whether it is as long as
 * they say, and at its trees, `limit` pages of them at most. An empty file is not sound (LMDB would
 * fill it: the caller knows when). Free pages come first, then the tables.
 */
bool pages_are_sound(int fd, unsigned limit);

/* Whether a value lies as it should where mdb_get found it, and can be removed. Not for one that
 * the same transaction has put. */
bool pages_hold_value(const void *value, size_t size, size_t key_size, size_t page_size);

#endif
