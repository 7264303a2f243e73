/*
 * Collapsing: of many that miss on the same key at once, one asks the origin.
 *
 * A claim is an open-file-description lock (fcntl(2), F_OFD_SETLK) on one byte of the file `locks`,
 * its offset taken from the key. The kernel frees it when its holder dies. Every claim has an open
 * file description of its own, so threads exclude each other too. Thread-safe.
 */
#ifndef VCACHE_CACHE_COLLAPSE_H
#define VCACHE_CACHE_COLLAPSE_H

#include "cache/cache.h"
#include "cache/key.h"

struct claim {
    int fd;         /* -1: none */
    uint64_t inode; /* of `locks`, to know the descriptor by */
    unsigned forks; /* of the process, to know that the claim is not its parent's */
};

#define CLAIM_NONE ((struct claim){.fd = -1})

enum claim_result {
    CLAIM_HELD, /* the caller asks the origin; claim_release when its response was stored or not */
    CLAIM_WAITED, /* somebody else held it and has let go: look into the store again */
    CLAIM_REFUSED /* the bound passed, or no claim can be had: go to the origin without one */
};

/* Takes the claim, or waits at most `bound_ms` (0: not at all) until its holder lets go. */
enum claim_result claim_take(struct cache *cache, const struct cache_key *key, uint64_t bound_ms,
                             struct claim *claim);

/* Safe on CLAIM_NONE, and when the program has closed or reused the descriptor (it is compared). */
void claim_release(struct cache *cache, struct claim *claim);

/* In a forked child, from its handler: the claims are the parent's, and are held no longer than it
 * holds them. claim_release is safe on them afterwards. */
void claim_disown_all(struct cache *cache);

#endif
