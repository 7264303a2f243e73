/*
 * Room: what is left to a program of what it may have. What is taken here must not be what it lacks
 * later.
 *
 * Thread-safe.
 */
#ifndef VCACHE_BASE_ROOM_H
#define VCACHE_BASE_ROOM_H

#include <stdbool.h>

#define ROOM_MOST 32

/* Whether so many descriptors (at most ROOM_MOST) can be opened now; `fd` is any open one. */
bool room_for_descriptors(int fd, unsigned count);

#endif
