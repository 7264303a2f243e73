/*
 * Peers: see peers.h. A record is
 *
 *     checksum (8) · address (18) · certificates, each sized, ended by an empty one
 *     · greetings: endpoint (sized) server name (sized) offer (8) version (4) cipher (4)
 *       protocol (sized)
 */
#include "cache/peers.h"

#include "base/clock.h"
#include "cache/key.h"
#include "cache/records.h"
#include "cache/shared.h"

#include <string.h>

/* ---- the table of addresses ---- */

enum { PROBES = 8 };

static uint64_t digest_of(const struct peer_address *address)
{
    return key_checksum(address->bytes, sizeof(address->bytes)) | 1; /* never 0 */
}

/* The address's entry; else, with `makes`, the place to put it: a free one, or the one that nobody
 * has used for longest. */
static struct shared_peer *entry_of(struct shared *shared, uint64_t digest, bool makes)
{
    struct shared_peer *oldest = NULL;
    for (uint64_t i = 0; i < PROBES; i++) {
        struct shared_peer *entry = &shared->peers[((digest >> 32) + i) % SHARED_PEERS];
        if (atomic_load(&entry->address) == digest)
            return entry;
        if (!oldest || atomic_load(&entry->answered_at) < atomic_load(&oldest->answered_at))
            oldest = entry;
    }
    return makes ? oldest : NULL;
}

bool peer_is_known(struct cache *cache, const struct peer_address *address, uint64_t *answered_at)
{
    struct shared *shared = shared_find(cache);
    struct shared_peer *entry = shared ? entry_of(shared, digest_of(address), false) : NULL;
    if (entry)
        *answered_at = atomic_load(&entry->answered_at);
    return entry != NULL;
}

/* Two that take one place at once leave one of them: the other costs a connection. */
void peer_touch(struct cache *cache, const struct peer_address *address)
{
    uint64_t digest = digest_of(address);
    struct shared *shared = shared_get(cache, false);
    struct shared_peer *entry = shared ? entry_of(shared, digest, true) : NULL;
    if (!entry)
        return;
    atomic_store(&entry->answered_at, clock_milliseconds());
    atomic_store(&entry->address, digest);
}

static void drop_entry(struct cache *cache, const struct peer_address *address)
{
    struct shared *shared = shared_find(cache);
    struct shared_peer *entry = shared ? entry_of(shared, digest_of(address), false) : NULL;
    if (!entry)
        return;
    atomic_store(&entry->address, 0);
    atomic_store(&entry->answered_at, 0);
}

/* ---- reading a record ---- */

enum { CHECKSUM_SIZE = 8 };

static bool take(struct span *rest, void *value, size_t size)
{
    if (rest->size < size)
        return false;
    memcpy(value, rest->data, size);
    *rest = (struct span){rest->data + size, rest->size - size};
    return true;
}

static bool take_sized(struct span *rest, struct span *value)
{
    uint64_t size;
    if (!take(rest, &size, sizeof(size)) || size > rest->size)
        return false;
    *value = (struct span){rest->data, (size_t)size};
    *rest = (struct span){rest->data + size, rest->size - (size_t)size};
    return true;
}

static bool take_chain(struct span *rest, struct peer_chain *chain)
{
    struct span certificate;
    *chain = (struct peer_chain){.count = 0};
    while (take_sized(rest, &certificate)) {
        if (certificate.size == 0)
            return chain->count > 0;
        if (chain->count == PEER_CERTIFICATES)
            return false;
        chain->certificates[chain->count++] = certificate;
    }
    return false;
}

static bool take_greeting(struct span *rest, struct peer *peer)
{
    struct span name;
    if (!take_sized(rest, &name) || name.size >= sizeof(peer->endpoint.name) ||
        !take_sized(rest, &peer->greeting.server_name) ||
        !take(rest, &peer->greeting.offer, sizeof(peer->greeting.offer)) ||
        !take(rest, &peer->outcome.version, sizeof(peer->outcome.version)) ||
        !take(rest, &peer->outcome.cipher, sizeof(peer->outcome.cipher)) ||
        !take_sized(rest, &peer->outcome.protocol))
        return false;
    memcpy(peer->endpoint.name, name.data, name.size);
    peer->endpoint.name[name.size] = '\0';
    return true;
}

/* *rest: the greetings. */
static bool take_front(struct span record, struct span *rest, struct peer_address *address,
                       struct peer_chain *chain)
{
    uint64_t checksum;
    *rest = record;
    return take(rest, &checksum, sizeof(checksum)) &&
           checksum == key_checksum(rest->data, rest->size) &&
           take(rest, address, sizeof(*address)) && take_chain(rest, chain);
}

bool peer_at(struct span record, size_t index, struct peer *peer)
{
    struct span rest;
    struct peer_address address;
    if (!take_front(record, &rest, &address, &peer->chain))
        return false;
    for (size_t i = 0; take_greeting(&rest, peer); i++)
        if (i == index)
            return true;
    return false;
}

/* ---- writing one ---- */

static void append_greeting(struct buffer *record, const struct peer *peer)
{
    buffer_append_sized(record, span_of_text(peer->endpoint.name));
    buffer_append_sized(record, peer->greeting.server_name);
    buffer_append(record, &peer->greeting.offer, sizeof(peer->greeting.offer));
    buffer_append(record, &peer->outcome.version, sizeof(peer->outcome.version));
    buffer_append(record, &peer->outcome.cipher, sizeof(peer->outcome.cipher));
    buffer_append_sized(record, peer->outcome.protocol);
}

static bool is_same_greeting(const struct peer *a, const struct peer *b)
{
    return a->greeting.offer == b->greeting.offer &&
           span_equal(a->greeting.server_name, b->greeting.server_name) &&
           strcmp(a->endpoint.name, b->endpoint.name) == 0;
}

static bool is_same_outcome(const struct peer *a, const struct peer *b)
{
    return a->outcome.version == b->outcome.version && a->outcome.cipher == b->outcome.cipher &&
           span_equal(a->outcome.protocol, b->outcome.protocol);
}

static bool is_same_chain(const struct peer_chain *a, const struct peer_chain *b)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = span_equal(a->certificates[i], b->certificates[i]);
    return is_same;
}

static bool is_learned(struct span record, const struct peer *peer)
{
    struct peer known;
    for (size_t i = 0; peer_at(record, i, &known); i++)
        if (is_same_greeting(&known, peer))
            return is_same_outcome(&known, peer) && is_same_chain(&known.chain, &peer->chain);
    return false;
}

/* The new greeting, and the old ones if it was the same chain that they met. */
static void compose(struct buffer *record, const struct peer_address *address,
                    const struct peer *peer, struct span old)
{
    struct peer known;
    size_t greetings = 1;
    uint64_t checksum = 0;
    buffer_append(record, &checksum, sizeof(checksum));
    buffer_append(record, address, sizeof(*address));
    for (size_t i = 0; i < peer->chain.count; i++)
        buffer_append_sized(record, peer->chain.certificates[i]);
    buffer_append_sized(record, (struct span){0});
    append_greeting(record, peer);
    for (size_t i = 0; greetings < PEER_GREETINGS && peer_at(old, i, &known); i++) {
        if (is_same_greeting(&known, peer) || !is_same_chain(&known.chain, &peer->chain))
            continue;
        append_greeting(record, &known);
        greetings++;
    }
    if (record->failed)
        return;
    checksum = key_checksum(record->data + CHECKSUM_SIZE, record->size - CHECKSUM_SIZE);
    memcpy(record->data, &checksum, sizeof(checksum));
}

static bool key_for(struct cache *cache, const struct peer_address *address, struct record_key *key)
{
    const struct cache_secret *secret = cache_secret(cache);
    if (!secret)
        return false;
    struct cache_key digest = key_of(secret, (struct span){address->bytes, sizeof(address->bytes)});
    memcpy(key->id, digest.id, sizeof(key->id));
    return true;
}

enum cache_status peer_learn(struct cache *cache, const struct peer_address *address,
                             const struct peer *peer)
{
    struct record_key key;
    struct buffer old = {0}, record = {0};
    enum cache_status status = CACHE_OK;
    if (!key_for(cache, address, &key))
        return CACHE_UNAVAILABLE;
    if (record_get(cache, RECORDS_PEERS, &key, &old) != CACHE_OK)
        buffer_clear(&old);
    if (!is_learned(buffer_span(&old), peer)) {
        compose(&record, address, peer, buffer_span(&old));
        status = record.failed ? CACHE_UNAVAILABLE
                               : record_put(cache, RECORDS_PEERS, &key, buffer_span(&record));
    }
    buffer_free(&old);
    buffer_free(&record);
    return status;
}

enum cache_status peer_recall(struct cache *cache, const struct peer_address *address,
                              struct buffer *record)
{
    struct record_key key;
    struct peer any;
    size_t before = record->size;
    if (!key_for(cache, address, &key))
        return CACHE_UNAVAILABLE;
    enum cache_status status = record_get(cache, RECORDS_PEERS, &key, record);
    struct span found = {record->data + before, record->size - before};
    return status == CACHE_OK && !peer_at(found, 0, &any) ? CACHE_ABSENT : status;
}

void peer_forget(struct cache *cache, const struct peer_address *address)
{
    struct record_key key;
    drop_entry(cache, address);
    if (key_for(cache, address, &key))
        record_delete(cache, RECORDS_PEERS, &key);
}

/* ---- sweeping them ---- */

struct peer_sweep {
    struct cache *cache;
    peer_visitor *visit;
    void *closure;
};

static bool visit_record(const struct record_key *key, struct span value, void *closure)
{
    const struct peer_sweep *sweep = closure;
    struct span rest;
    struct peer_address address;
    struct peer peer;
    bool is_chosen = false;
    (void)key;
    if (!take_front(value, &rest, &address, &peer.chain))
        return true;
    while (!is_chosen && take_greeting(&rest, &peer))
        is_chosen = sweep->visit(&peer.endpoint, sweep->closure);
    if (is_chosen)
        drop_entry(sweep->cache, &address);
    return is_chosen;
}

enum cache_status peer_sweep(struct cache *cache, peer_visitor *visit, void *closure)
{
    struct peer_sweep sweep = {cache, visit, closure};
    uint64_t removed = 0;
    return record_sweep(cache, RECORDS_PEERS, visit_record, &sweep, false, &removed);
}
