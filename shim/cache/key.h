/*
 * Keys: what identifies a stored response. XXH3-128 of the canonical request under the cache's
 * random secret, so that nobody can prepare a collision; the length and a second, independently
 * keyed 64-bit digest are compared on every hit. Thread-safe, no errors.
 */
#ifndef VCACHE_CACHE_KEY_H
#define VCACHE_CACHE_KEY_H

#include "base/bytes.h"
#include "cache/cache.h"

struct cache_key {
    uint8_t id[16];  /* the key in LMDB */
    uint64_t check;  /* the second digest */
    uint64_t length; /* of the canonical request, in bytes */
};

struct cache_key key_of(const struct cache_secret *secret, struct span canonical);

/* A 64-bit keyed digest of a managed object's name ("vm-42"): what vcache-flush --object looks for.
 */
uint64_t key_of_object(const struct cache_secret *secret, struct span name);

/* A digest without a key, the same in every cache: for noticing damage and choosing slots. */
uint64_t key_checksum(const void *bytes, size_t size);

#endif
