/*
 * Peers: what was learned of an address at a real handshake, so that the next one need not take
 * place (DESIGN, section 10).
 *
 * In the mapped file `shared` is a table of addresses, so that a program that connects to others
 * knows that for the price of a hash and opens nothing. In LMDB is a record of each address: the
 * certificates that its origin showed, and for each way in which programs greeted it what came of
 * that. Another certificate than the known ones replaces the whole record. All of it is public, and
 * none of it is trusted: every program verifies the certificates itself.
 *
 * Lost entries cost a connection, nothing else. Thread-safe.
 */
#ifndef VCACHE_CACHE_PEERS_H
#define VCACHE_CACHE_PEERS_H

#include "base/bytes.h"
#include "cache/cache.h"
#include "cache/namespace.h"

#define PEER_CERTIFICATES 10
#define PEER_GREETINGS 16 /* of one address that are remembered */

/* An IPv6 address or an IPv4-mapped one, and the port; in network order. */
struct peer_address {
    uint8_t bytes[18];
};

/* What a program says in its ClientHello, as far as the outcome depends on it. */
struct peer_greeting {
    struct span server_name; /* empty: none */
    uint64_t offer;          /* a digest of versions, ciphers and application protocols */
};

struct peer_outcome {
    uint32_t version; /* TLS1_3_VERSION … */
    uint32_t cipher;  /* its two bytes on the wire */
    struct span protocol;
};

/* Borrowed bytes, the origin's own certificate first, as DER. */
struct peer_chain {
    struct span certificates[PEER_CERTIFICATES];
    size_t count;
};

struct peer {
    struct endpoint endpoint; /* as the program named it */
    struct peer_greeting greeting;
    struct peer_outcome outcome;
    struct peer_chain chain;
};

/* ---- the table of addresses: touches no file but `shared`, and makes none ---- */

/* When the origin there last said something that may be answered from the cache
 * (clock_milliseconds()). False: nobody's that is known. */
bool peer_is_known(struct cache *cache, const struct peer_address *address, uint64_t *answered_at);
/* It has just done so. */
void peer_touch(struct cache *cache, const struct peer_address *address);

/* ---- records ---- */

/* Remembers it; writes only what is new. */
enum cache_status peer_learn(struct cache *cache, const struct peer_address *address,
                             const struct peer *peer);
/* Appends the record of the address; CACHE_ABSENT also if what is there makes no sense. */
enum cache_status peer_recall(struct cache *cache, const struct peer_address *address,
                              struct buffer *record);
void peer_forget(struct cache *cache, const struct peer_address *address);

/* Of a record that peer_recall gave: its greeting number `index`, in no order; false past the last.
 * Borrows from the record. */
bool peer_at(struct span record, size_t index, struct peer *peer);

/* For vcache-flush: forgets the addresses of every endpoint that is chosen. */
typedef bool peer_visitor(const struct endpoint *endpoint, void *closure);
enum cache_status peer_sweep(struct cache *cache, peer_visitor *visit, void *closure);

#endif
