/*
 * Room: what is left to a program of what it may have. What is taken here must not be what it lacks
 * later.
 *
 * Thread-safe; a moment later it may be otherwise.
 */
#ifndef VCACHE_BASE_ROOM_H
#define VCACHE_BASE_ROOM_H

#include <stdbool.h>

/* Whether the process may open so many descriptors more (RLIMIT_NOFILE, getrlimit(2)). */
bool room_for_descriptors(unsigned count);

#endif
