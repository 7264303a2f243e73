/*
 * Entries: how a stored response lies in LMDB. A fixed head, then the label's texts and objects,
 * the response's head, and its body: one contiguous value, written once and read in place.
 *
 * Two checksums tell damage from data: one of everything before the body, which is verified at
 * every read and without which no size in it is believed, and one of the body.
 */
#ifndef VCACHE_CACHE_ENTRY_H
#define VCACHE_CACHE_ENTRY_H

#include "cache/store.h"

/* Appends all that comes before the body. */
bool entry_write_prefix(struct buffer *prefix, const struct cache_key *key,
                        const struct store_label *label, struct span head, struct span body);

struct entry {
    uint64_t key_check;
    uint64_t key_length;
    uint64_t body_check;
    uint64_t prefix_check; /* differs between any two entries */
};

/* Reads a value in place: head and body of *response point into it. False: it is damaged. */
bool entry_read(struct span value, struct entry *entry, struct stored_response *response);

/* The time of the request alone, of a value that is about to be replaced; false as above. */
bool entry_read_time(struct span value, uint64_t *requested_at);

bool entry_body_is_sound(const struct entry *entry, struct span body);

#endif
