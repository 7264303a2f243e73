/* Keys: see key.h. The one file that knows xxHash. */
#include "cache/key.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The two digests of a request begin at different places of the secret, so that inputs which
 * collide in one need not in the other. */
#define CHECK_OFFSET 56
_Static_assert(sizeof(((struct cache_secret *)0)->xxh3) - CHECK_OFFSET >= XXH3_SECRET_SIZE_MIN,
               "both parts of the secret are as long as XXH3 asks");

struct cache_key key_of(const struct cache_secret *secret, struct span canonical)
{
    struct cache_key key = {.length = canonical.size};
    XXH128_hash_t id = XXH3_128bits_withSecret(canonical.data, canonical.size, secret->xxh3,
                                               sizeof(secret->xxh3) - CHECK_OFFSET);
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, id);
    memcpy(key.id, bytes.digest, sizeof(key.id));
    key.check = XXH3_64bits_withSecret(canonical.data, canonical.size, secret->xxh3 + CHECK_OFFSET,
                                       sizeof(secret->xxh3) - CHECK_OFFSET);
    return key;
}

uint64_t key_of_object(const struct cache_secret *secret, struct span name)
{
    return XXH3_64bits_withSecret(name.data, name.size, secret->xxh3, sizeof(secret->xxh3));
}

uint64_t key_checksum(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}
