/*
 * Sweeps: a look at every entry of a table, and the removal of some, in short transactions, so that
 * neither a reader nor a writer is kept for long. Entries that change meanwhile may or may not be
 * seen.
 */
#ifndef VCACHE_CACHE_SWEEP_H
#define VCACHE_CACHE_SWEEP_H

#include "cache/environment.h"

typedef bool sweep_visitor(const uint8_t id[16], struct span value, void *closure);

/* Inside a transaction: removes one entry. An error code of LMDB. */
typedef int sweep_remover(struct environment *environment, MDB_txn *transaction, enum table table,
                          struct span id);

struct sweep {
    enum table table;
    sweep_visitor *visit; /* says which are to be removed */
    void *closure;
    sweep_remover *remove; /* NULL: none are */
};

/* *chosen counts what visit chose. */
enum cache_status sweep_table(struct cache *cache, const struct sweep *sweep, uint64_t *chosen);

#endif
