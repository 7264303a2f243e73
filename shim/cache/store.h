/*
 * The store: responses in LMDB. It knows nothing of freshness: it keeps when and in which
 * generation a response was requested, and its reader decides. Thread-safe.
 */
#ifndef VCACHE_CACHE_STORE_H
#define VCACHE_CACHE_STORE_H

#include "cache/cache.h"
#include "cache/key.h"
#include "cache/namespace.h"

#define STORE_OBJECTS                                                                              \
    64 /* digests of managed objects kept with a response; more are left out and                   \
          `is_object_list_cut` is set: a flush by object then removes it too */

/* What a stored response says of itself, beside its bytes. */
struct store_label {
    struct endpoint endpoint;
    struct principal principal;
    char operation[64];
    uint64_t requested_at;           /* clock_milliseconds() before its request was sent */
    uint64_t generation;             /* fence_read's, before its request was sent */
    uint64_t origin_us;              /* from request sent to response whole */
    uint64_t objects[STORE_OBJECTS]; /* key_of_object of what the request names */
    uint32_t object_count;
    bool is_object_list_cut;
    bool is_sealed;      /* head and body are one sealed text (seal.h) in `body`; head is empty */
    uint32_t page_count; /* not 0: the body is so many responses, a chain, and head is empty */
};

/* A response lent by store_get: valid until store_release. The bytes may lie in the mapped file. */
struct stored_response {
    struct store_label label;
    struct span
        head; /* status line and header fields, ended by CRLF each, without the empty line */
    struct span body; /* identity form */
    void *hold;       /* the store's own */
};

/*
 * Finds the response of `key`. CACHE_OK: *response is lent. CACHE_ABSENT also if the check digest
 * or the length differ (`is_mismatch`, if not NULL, says so). Never waits for a writer.
 */
enum cache_status store_get(struct cache *cache, const struct cache_key *key,
                            struct stored_response *response, bool *is_mismatch);

/*
 * Copies a lent response's bytes into memory of its own, so that it no longer pins the mapped file
 * (before fork; for a reader that is slow). On CACHE_FULL (no memory) it stays as it was.
 */
enum cache_status store_detach(struct stored_response *response);

/* Ends the loan. Safe on one that was released or never lent ({0}). */
void store_release(struct stored_response *response);

/*
 * Stores or replaces. Everything is prepared before the gate is tried; the gate is waited for a
 * bounded time (CACHE_BUSY), and not at all shortly after it could not be had. Makes room by
 * eviction. CACHE_FULL for what is larger than store_size_limit.
 */
enum cache_status store_put(struct cache *cache, const struct cache_key *key,
                            const struct store_label *label, struct span head, struct span body);

/* The largest head + body that store_put takes: an eighth of VCACHE_MAX_SIZE, at most 256 MiB. */
size_t store_size_limit(const struct cache *cache);

/*
 * Visits every stored response; `visit` says whether it is to be removed. The removal happens in
 * short transactions. `is_dry` removes nothing. *removed counts what visit chose.
 */
typedef bool store_visitor(const struct stored_response *response, void *closure);
enum cache_status store_sweep(struct cache *cache, store_visitor *visit, void *closure, bool is_dry,
                              uint64_t *removed);

#endif
