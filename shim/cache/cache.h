/*
 * The cache: what outlives the process, opened. One directory per user (DESIGN, section 9) holds
 *
 *   data.mdb, lock.mdb   the LMDB environment: stored responses, sessions, principals
 *   shared               a small mapped file: generations and fences of the origins, counters
 *   locks                an empty file whose byte ranges are locked: the gate and collapsed
 * requests
 *
 * A `struct cache` is a handle on one such directory. It opens lazily, survives fork (the child
 * never touches what the parent opened, and opens its own on first use), notices when its files
 * were replaced or its descriptors were closed by the program, and answers "unavailable" for
 * whatever cannot be had; nothing in it prints, exits, or waits without a bound. Thread-safe.
 */
#ifndef VCACHE_CACHE_CACHE_H
#define VCACHE_CACHE_CACHE_H

#include "base/bytes.h"
#include "base/config.h"

struct cache;

/* What an operation on the cache came to. Everything but CACHE_OK ends in pass-through. */
enum cache_status {
    CACHE_OK,
    CACHE_ABSENT,      /* no such entry */
    CACHE_BUSY,        /* the gate could not be had within its bound: another process writes */
    CACHE_FULL,        /* no room, also after eviction; or the disk is full */
    CACHE_UNAVAILABLE, /* no directory, no library, a foreign owner, closed descriptors, … */
};

/*
 * A handle on the directory of `config`, which is copied. Touches no file. NULL without memory.
 * At most one handle for a directory in a process (LMDB must not be opened twice).
 */
struct cache *cache_open(const struct config *config);

/* Closes and frees. No lent entry and no open claim may be left. */
void cache_close(struct cache *cache);

/*
 * Opens what is not open yet; CACHE_OK when the cache can be used. `create` makes the directory and
 * the files if they are missing (the tools pass false: an absent cache is CACHE_ABSENT).
 */
enum cache_status cache_ready(struct cache *cache, bool create);

/* One sentence that says why the last cache_ready was not CACHE_OK, "" if it was. For people. */
const char *cache_reason(const struct cache *cache);

/* The random secrets of this cache, drawn when it was made; valid while the handle is. NULL when
 * the cache is not ready. Never logged, never sent anywhere. */
struct cache_secret {
    uint8_t master[32]; /* keys of hashes and seals are derived from it (seal.h) */
    uint8_t xxh3[192];  /* the secret of XXH3 (key.h) */
};
const struct cache_secret *cache_secret(struct cache *cache);

/* Bytes in use and the limit, for vcache-stat. */
struct cache_extent {
    uint64_t used;
    uint64_t limit;
    uint64_t responses; /* stored */
    uint64_t sessions;
};
enum cache_status cache_extent(struct cache *cache, struct cache_extent *extent);

#endif
