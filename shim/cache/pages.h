/*
 * A look at an LMDB data file before LMDB maps it: whether its two first pages make sense and the
 * file is as long as they say. LMDB itself believes them, and the wrong number there is a crash.
 */
#ifndef VCACHE_CACHE_PAGES_H
#define VCACHE_CACHE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

/* `size`: of the file. An empty file is not sound (LMDB would fill it: the caller knows when). */
bool pages_are_sound(int fd, uint64_t size);

#endif
