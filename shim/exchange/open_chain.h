/*
 * Open chains: stored chains whose first page a program of this process was given. Their later
 * pages are kept here, copied, so that the program comes to the end of what it has begun to read,
 * whatever becomes of the stored response meanwhile: it ages, it is invalidated, flushed, evicted.
 *
 * A page may be asked for more than once and on any connection, and a chain may be read by several
 * at once. It stays until nothing was asked of it for CHAIN_GRACE_MS; when room is needed, those go
 * first whose readers have all come to the end or have given up. Thread-safe; a forked child keeps
 * what its parent had open.
 */
#ifndef VCACHE_EXCHANGE_OPEN_CHAIN_H
#define VCACHE_EXCHANGE_OPEN_CHAIN_H

#include "exchange/chain.h"

/*
 * Before a program is given the first page: `later` are the bytes of the pages behind it, of a
 * chain that is sound; they are copied. `requested_at`: of the first page. False without memory or
 * room: then the first page must not be given. `now`: clock_milliseconds().
 */
bool open_chain_begin(const struct chain_owner *owner, struct span later, uint64_t requested_at,
                      uint64_t now);

/* What is told of a page beside its bytes. */
struct open_page {
    uint64_t requested_at; /* of the chain's first page */
    uint64_t origin_us;
};

/* Appends head and body of the page that is asked for with `token`. False: no open chain has it,
 * or no memory. */
bool open_chain_read(const struct chain_owner *owner, struct span token, uint64_t now,
                     struct buffer *head, struct buffer *body, struct open_page *page);

/* One reader of the chain that has `token` gives up; the others do not notice. False: no open chain
 * has it. */
bool open_chain_give_up(const struct chain_owner *owner, struct span token, uint64_t now);

#endif
