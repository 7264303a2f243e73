/*
 * Readers: a process keeps a few read transactions of LMDB and renews them, so that a read takes no
 * lock at all, and goes on while the holder of every lock is stopped. Thread-safe.
 */
#ifndef VCACHE_CACHE_READER_H
#define VCACHE_CACHE_READER_H

#include "cache/environment.h"

/* Lends a reader with a fresh view; opens the cache if need be. Waits at most for the gate, and
 * only if all readers are out or nothing is open yet. */
enum cache_status reader_take(struct cache *cache, struct reader **reader);

/* Ends the loan, in a forked child too, where nothing is left of it to end. */
void reader_return(struct reader *reader);

/* Inside the gate: `count` more readers, ready for use. An error code of LMDB. */
int reader_prepare(struct environment *environment, unsigned count);

/* Inside the gate: takes back the slots of processes that were killed. Each holds, for as long as
 * it is there, the pages of all that was removed since its read began. */
void reader_clear_dead(struct environment *environment);

/* Inside the gate: no read begins any more. False if some are under way. */
bool reader_shut_all(struct environment *environment);

/* Inside the gate: maps as much as another process has made the file grow to. An error code. */
int reader_follow_growth(struct environment *environment);

#endif
