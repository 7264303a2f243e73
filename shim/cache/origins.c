/* Origins: see origins.h. */
#include "cache/origins.h"

#include "cache/key.h"

#include <stdatomic.h>

#define PROBES 16 /* places an endpoint may be in, one behind the other */

/* The endpoint's entry, or the free one where it would be, or NULL. */
static struct shared_endpoint *entry_of(struct shared *shared, uint64_t endpoint)
{
    uint64_t first = endpoint >> 32; /* its lowest bit is always set */
    for (uint64_t i = 0; i < PROBES; i++) {
        struct shared_endpoint *entry = &shared->endpoints[(first + i) % SHARED_ENDPOINTS];
        uint64_t found = atomic_load(&entry->endpoint);
        if (found == endpoint || found == 0)
            return entry;
    }
    return NULL;
}

static uint64_t check_of(uint64_t endpoint, const struct origin *origin)
{
    const uint64_t words[] = {endpoint, origin->digest, origin->before, origin->since};
    return key_checksum(words, sizeof(words));
}

enum origin_finding origin_find(struct shared *shared, uint64_t endpoint, struct origin *origin)
{
    struct shared_endpoint *entry = entry_of(shared, endpoint);
    if (!entry || atomic_load(&entry->endpoint) != endpoint)
        return ORIGIN_UNKNOWN;
    if (atomic_load(&entry->is_disputed))
        return ORIGIN_DISPUTED;
    uint64_t check = atomic_load(&entry->check);
    *origin = (struct origin){atomic_load(&entry->origin), atomic_load(&entry->before),
                              atomic_load(&entry->since)};
    return check == check_of(endpoint, origin) ? ORIGIN_KNOWN : ORIGIN_UNKNOWN;
}

void origin_add(struct shared *shared, uint64_t endpoint, const struct origin *origin)
{
    struct shared_endpoint *entry = entry_of(shared, endpoint);
    uint64_t none = 0;
    /* Who claims the entry is the only one that ever fills it. */
    if (!entry || !atomic_compare_exchange_strong(&entry->endpoint, &none, endpoint))
        return;
    atomic_store(&entry->origin, origin->digest);
    atomic_store(&entry->before, origin->before);
    atomic_store(&entry->since, origin->since);
    atomic_store(&entry->check, check_of(endpoint, origin));
}

void origin_dispute(struct shared *shared, uint64_t endpoint)
{
    struct shared_endpoint *entry = entry_of(shared, endpoint);
    if (entry && atomic_load(&entry->endpoint) == endpoint)
        atomic_store(&entry->is_disputed, 1);
}
