/*
 * Writers: write transactions, short ones, inside the gate. Thread-safe.
 */
#ifndef VCACHE_CACHE_WRITER_H
#define VCACHE_CACHE_WRITER_H

#include "cache/environment.h"

/* Enters the gate with an environment that may be written to; opens the cache if need be. */
enum cache_status writer_enter(struct cache *cache, struct environment **environment);

/* An error code of LMDB; anything but 0 undoes the transaction. */
typedef int writer_work(struct environment *environment, MDB_txn *transaction, void *closure);

/* One transaction around work; its error code or the commit's. */
int writer_run(struct environment *environment, writer_work *work, void *closure);

void writer_leave(struct cache *cache);

#endif
