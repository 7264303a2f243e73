/*
 * Memo: requests that this process has read before. A program that polls sends the same bytes again
 * and again; what they say does not change, so XML is parsed once. Only requests that an answer may
 * be stored for are remembered, and of them only digests: no memo holds a request or a secret.
 *
 * Thread-safe: one try at a lock, and when it is taken the request is read as if it were new.
 */
#ifndef VCACHE_EXCHANGE_MEMO_H
#define VCACHE_EXCHANGE_MEMO_H

#include "cache/key.h"
#include "exchange/operation.h"

/* What a request's body comes to. */
struct memo {
    const struct operation *operation;
    struct cache_key canonical; /* key_of its canonical form */
};

/* `raw`: key_of the body as it came, under the same secret. */
bool memo_find(const struct cache_key *raw, struct memo *memo);
void memo_keep(const struct cache_key *raw, const struct memo *memo);

#endif
