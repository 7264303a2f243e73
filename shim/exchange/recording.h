/*
 * Recordings: chains that this process is reading at the origin, page by page, on the way to being
 * stored. A recording belongs to the exchange that awaits its next page, and between two pages to
 * the table here, where the request for the next one finds it by the origin's token, on whichever
 * connection it comes.
 *
 * One that ends before its last page leaves nothing behind. A recording is dropped when a page
 * fails, when the program gives up (CancelRetrievePropertiesEx), in a forked child, after
 * CHAIN_GRACE_MS, and the oldest when there are too many. The table is thread-safe.
 */
#ifndef VCACHE_EXCHANGE_RECORDING_H
#define VCACHE_EXCHANGE_RECORDING_H

#include "cache/key.h"
#include "cache/store.h"
#include "exchange/chain.h"

#include <sys/types.h>

#define RECORDING_TOKEN_SIZE 64

struct recording {
    struct chain_owner owner;
    uint64_t scope; /* a digest of where the origin's tokens are good: session and collector */
    struct cache_key key;     /* of the first request */
    struct store_label label; /* made at the first request */
    struct buffer chain;
    uint32_t page_count;
    uint64_t number[2]; /* random: what makes the chain's tokens nobody else's */

    /* While it is in the table: */
    struct recording *next;
    struct buffer token; /* the origin's, for the next page */
    uint64_t used_at;
    pid_t process;
};

/* Without pages. NULL without memory, or without randomness. */
struct recording *recording_new(const struct chain_owner *owner, uint64_t scope,
                                const struct cache_key *key, const struct store_label *label);

/* What the page with that index (the first is 0) is asked for with when the chain is served; valid
 * as long as `text`. Empty for the first. */
struct span recording_token(const struct recording *recording, uint32_t index,
                            char text[RECORDING_TOKEN_SIZE]);

/* Appends the next page; false without memory. */
bool recording_add(struct recording *recording, struct span head, struct span body,
                   uint64_t origin_us);

/* Gives it to the table, to be found by the origin's `token`; false: no memory, it stays the
 * caller's. `now`: clock_milliseconds(). */
bool recording_put(struct recording *recording, struct span token, uint64_t now);

/* Takes out the one whose next page that is, which is the caller's from now on; NULL if there is
 * none. */
struct recording *recording_take(const struct chain_owner *owner, uint64_t scope, struct span token,
                                 uint64_t now);

/* Wipes and frees. Safe on NULL. */
void recording_free(struct recording *recording);

#endif
