/*
 * Seals and derived keys (DESIGN, promise 5): scrypt (RFC 7914) stretches a password, HMAC-SHA-256
 * makes keyed identifiers, AES-256-GCM seals. All under the cache's master secret. libcrypto is
 * reached late and the program's OpenSSL error queue is left as it was. Thread-safe.
 */
#ifndef VCACHE_CACHE_SEAL_H
#define VCACHE_CACHE_SEAL_H

#include "base/bytes.h"
#include "cache/cache.h"

#define SEAL_OVERHEAD 28 /* nonce (12 bytes) before, tag (16 bytes) after */

struct seal_key {
    uint8_t bytes[32];
};

/*
 * A key from a password: slow on purpose (about 2 ms), so that a stolen cache file is no quick way
 * to try passwords. `context` tells endpoint, trust and user; other context, other key. False
 * without libcrypto or memory.
 */
bool seal_derive(const struct cache_secret *secret, struct span context, struct span password,
                 struct seal_key *key);

/* A keyed 128-bit identifier of `parts` in order (each length-delimited); `label` keeps uses apart.
 * False without libcrypto. */
bool seal_identify(const uint8_t key[32], const char *label, const struct span *parts, size_t count,
                   uint8_t id[16]);

/* Appends nonce, ciphertext and tag of `plain` to `sealed`. `bound_to` is authenticated with it. */
bool seal_close(const struct seal_key *key, struct span bound_to, struct span plain,
                struct buffer *sealed);

/* Appends the plain text to `plain`; false, and nothing appended, if anything was altered. */
bool seal_open(const struct seal_key *key, struct span bound_to, struct span sealed,
               struct buffer *plain);

#endif
