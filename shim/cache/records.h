/*
 * Records: small keyed values beside the stored responses, in LMDB tables of their own. What they
 * mean is their owner's business (session.h); they are written through the same gate as responses.
 * Thread-safe.
 */
#ifndef VCACHE_CACHE_RECORDS_H
#define VCACHE_CACHE_RECORDS_H

#include "cache/cache.h"

enum record_table {
    RECORDS_SESSIONS,   /* id → session, its secrets sealed */
    RECORDS_BOUND,      /* id → a sealed response that lives and dies with a session */
    RECORDS_PRINCIPALS, /* principal → the user's name; digest of a cookie → principal */
    RECORDS_PEERS,      /* digest of an address → what was learned of it (peers.h) */
    RECORDS_TABLE_COUNT
};

struct record_key {
    uint8_t id[16];
};

/* Appends the value to `value`. */
enum cache_status record_get(struct cache *cache, enum record_table table,
                             const struct record_key *key, struct buffer *value);
enum cache_status record_put(struct cache *cache, enum record_table table,
                             const struct record_key *key, struct span value);
enum cache_status record_delete(struct cache *cache, enum record_table table,
                                const struct record_key *key);
/* In one step, and only if its value is still `before`; CACHE_ABSENT if it is not. `after` {0}:
 * deletes it. */
enum cache_status record_replace(struct cache *cache, enum record_table table,
                                 const struct record_key *key, struct span before,
                                 struct span after);

/* As store_sweep, over one table. */
typedef bool record_visitor(const struct record_key *key, struct span value, void *closure);
enum cache_status record_sweep(struct cache *cache, enum record_table table, record_visitor *visit,
                               void *closure, bool is_dry, uint64_t *removed);

#endif
