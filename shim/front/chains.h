/*
 * Chains: certificates that were remembered as bytes, as OpenSSL has them. To decode one takes
 * OpenSSL 3 a quarter of a millisecond, most of it for the public key, so that the last few are
 * kept for the process. Thread-safe; waits for nobody.
 */
#ifndef VCACHE_FRONT_CHAINS_H
#define VCACHE_FRONT_CHAINS_H

#include "cache/peers.h"
#include "front/real.h"
#include "front/trust.h"

/* What the first of them is trusted as (trust.h), by who did not verify it and by who did. */
struct chain_trust {
    struct trust unverified, verified;
};

/* A stack of its own, to be freed with chains_free; the certificates may be shared. NULL if one
 * cannot be decoded. */
STACK_OF(X509) * chains_decode(const struct openssl *openssl, const struct peer_chain *chain,
                               struct chain_trust *trust);

/* NULL is none. */
void chains_free(const struct openssl *openssl, STACK_OF(X509) * chain);

#endif
