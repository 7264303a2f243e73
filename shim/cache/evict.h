/*
 * Eviction: the responses that were requested longest ago go first, which are the expired ones
 * whatever the reader's time to live. In short transactions, and a bounded number of them.
 */
#ifndef VCACHE_CACHE_EVICT_H
#define VCACHE_CACHE_EVICT_H

#include "cache/environment.h"

/* The order of eviction: a key of TABLE_AGES. */
struct age_key {
    uint8_t bytes[24];
};
struct age_key age_key_of(uint64_t requested_at, const uint8_t id[16]);

/* Whether `needed` more bytes would leave too little head-room above `used`: LMDB needs pages to
 * delete as well, and large values need them in a row. */
bool evict_is_due(const struct environment *environment, uint64_t used, uint64_t needed);

/*
 * Inside the gate. Makes room for `needed` bytes; the harder (0, 1, 2) the more goes, 2 being all.
 * *is_empty: nothing is left to evict. An error code of LMDB.
 */
int evict(struct environment *environment, uint64_t needed, int harder, bool *is_empty);

/* Inside a transaction: removes the response `id`, and its place in the order. */
int evict_one(struct environment *environment, MDB_txn *transaction, const uint8_t id[16]);

#endif
