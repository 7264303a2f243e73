/*
 * Chains: a property read that the origin answered in pages, as the store keeps it: one response
 * under the key of its first request, so that it is stored, found, invalidated, flushed and evicted
 * whole or not at all. A chain is one read, as of its first page.
 *
 * A chain's bytes are its pages one after the other. Head and body of a page adjoin, as those of
 * every stored response do. What the program will ask for a page with, its token, stands before it,
 * so that nothing is parsed when a page is served.
 *
 * An origin's token is good in one session, and often a small number: two chains may well have the
 * same. Before a chain is stored its tokens are replaced by some that are nobody else's.
 *
 * Thread-safe: nothing here has a state outside its arguments.
 */
#ifndef VCACHE_EXCHANGE_CHAIN_H
#define VCACHE_EXCHANGE_CHAIN_H

#include "base/bytes.h"
#include "cache/namespace.h"

/* The pages of one chain, in bytes, and those of all that a process records or has open: they are
 * in its memory. */
#define CHAIN_LIMIT ((size_t)64 << 20)
#define CHAINS_LIMIT ((size_t)128 << 20)
/* Chains that a process records, or has open, at a time. */
#define CHAINS_COUNT 64
/* A chain of which nothing was asked for so long is forgotten by the process. */
#define CHAIN_GRACE_MS UINT64_C(600000)
bool chain_is_past_grace(uint64_t used_at, uint64_t now);

/* Whose a chain is: nothing crosses it. */
struct chain_owner {
    struct endpoint endpoint;
    struct trust trust;
    struct principal principal;
};
bool chain_owner_is(const struct chain_owner *owner, const struct chain_owner *other);

/* A page, in borrowed bytes. */
struct chain_page {
    struct span token; /* what it is asked for with; empty for the first */
    struct span head;  /* status line and header fields, without the empty line */
    struct span body;  /* identity form */
    uint64_t origin_us;
};

/* Appends a page; false without memory. */
bool chain_append(struct buffer *chain, const struct chain_page *page);

/* Takes the page at the front of `*rest`, which moves behind it. False: there is none, or it is
 * damaged. */
bool chain_next(struct span *rest, struct chain_page *page);

/* Whether the bytes are `count` pages, two or more, and nothing else, and each but the first has a
 * token. */
bool chain_is_sound(struct span chain, uint32_t count);

#endif
