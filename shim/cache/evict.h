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
struct age_key age_key_of(uint64_t requested_at, struct span id);

/* Whether `needed` more bytes would leave too little head-room above `used`: LMDB needs pages to
 * delete as well, and large values need them in a row. */
bool evict_is_due(const struct environment *environment, uint64_t used, uint64_t needed);

/*
 * Inside the gate. Makes room for `needed` bytes, to be called again with the next `step` if there
 * still is none: 0 evicts down to a comfortable fill, 1 waits for readers to end, 2 evicts half of
 * what is left, 3 all. 0 or an error code of LMDB; MDB_MAP_FULL is worth the next step.
 */
#define EVICT_STEPS 4
int evict(struct environment *environment, uint64_t needed, int step);

/* Inside a transaction: removes the response `id`, and its place in the order. */
int evict_one(struct environment *environment, MDB_txn *transaction, struct span id);

#endif
