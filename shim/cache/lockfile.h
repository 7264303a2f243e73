/*
 * The lock file: LMDB's table of readers and its two mutexes, looked at before LMDB waits for them.
 * A mutex in a damaged file may never come free, and a wrong count of readers leads out of the map.
 * Inside the gate nobody holds the mutexes, so that what should be there is known.
 */
#ifndef VCACHE_CACHE_LOCKFILE_H
#define VCACHE_CACHE_LOCKFILE_H

#include <stdbool.h>
#include <stddef.h>

/* The number of the last transaction is not compared. */
#define LOCKFILE_ANY_TRANSACTION ((size_t)-1)

/* Inside the gate. `last_transaction`: what the data file says. True also for a file of a format
 * that is not known here. */
bool lockfile_is_sound(int fd, size_t last_transaction);

/* Whether its mutexes are mutexes still, held by somebody or not. Outside the gate too. */
bool lockfile_has_mutexes(int fd);

#endif
