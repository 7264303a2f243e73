/* The store: see store.h. How a response lies in LMDB: entry.h. What makes room: evict.h. */
#include "cache/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "cache/entry.h"
#include "cache/evict.h"
#include "cache/reader.h"
#include "cache/shared.h"
#include "cache/sweep.h"
#include "cache/table.h"
#include "cache/trap.h"
#include "cache/writer.h"

#include <stdlib.h>
#include <string.h>

#define COPY_LIMIT 16384          /* head and body up to this are copied rather than pinned */
#define VERIFY_ALWAYS_LIMIT 65536 /* bodies up to this are verified at every read */
#define SIZE_CEILING (256 << 20)
#define PINNED_MS                                                                                  \
    10000 /* a store full of pages that a stopped reader holds is given up after it                \
           */

/* What `hold` of a lent response points to. */
struct loan {
    struct reader *reader; /* NULL: the bytes follow */
    uint8_t bytes[];
};

/* ---- get ---- */

struct lookup {
    struct reader *reader;
    const struct cache_key *key;
    MDB_val value;
};

static int look_up(void *closure)
{
    struct lookup *lookup = closure;
    return table_get(lookup->reader->environment, lookup->reader->transaction, TABLE_RESPONSES,
                     TABLE_KEY(lookup->key->id), &lookup->value);
}

/* A large body is verified the first time this process meets it. It is never written again in
 * place, so that is as good as verifying it always, stray writes aside. */
static bool body_is_sound(struct cache *cache, const struct entry *entry, struct span body)
{
    _Atomic uint64_t *verified = &cache->verified[entry->prefix_check % CACHE_VERIFIED];
    bool is_large = body.size > VERIFY_ALWAYS_LIMIT;
    if (is_large && atomic_load_explicit(verified, memory_order_relaxed) == entry->prefix_check)
        return true;
    if (!entry_body_is_sound(entry, body))
        return false;
    if (is_large)
        atomic_store_explicit(verified, entry->prefix_check, memory_order_relaxed);
    return true;
}

/* Head and body lie one after the other: one copy takes both. */
static struct loan *copy_bytes(struct stored_response *response)
{
    size_t size = response->head.size + response->body.size;
    struct loan *loan = malloc(sizeof(*loan) + size);
    if (!loan)
        return NULL;
    loan->reader = NULL;
    memcpy(loan->bytes, response->head.data, size);
    response->head.data = loan->bytes;
    response->body.data = loan->bytes + response->head.size;
    return loan;
}

/* Lends what the reader sees at `value`. Whether the reader goes with it: `*is_pinned`. */
static enum cache_status lend(struct cache *cache, struct lookup *lookup,
                              struct stored_response *response, bool *is_mismatch, bool *is_pinned)
{
    struct entry entry;
    struct span value = {lookup->value.mv_data, lookup->value.mv_size};
    struct environment *environment = lookup->reader->environment;
    if (!entry_read(value, &entry, response))
        return environment_status(environment, MDB_CORRUPTED);
    if (entry.key_check != lookup->key->check || entry.key_length != lookup->key->length) {
        *is_mismatch = true;
        return CACHE_ABSENT;
    }
    if (!body_is_sound(cache, &entry, response->body))
        return environment_status(environment, MDB_CORRUPTED);
    *is_pinned = response->head.size + response->body.size > COPY_LIMIT;
    struct loan *loan = *is_pinned ? malloc(sizeof(*loan)) : copy_bytes(response);
    if (!loan)
        return CACHE_FULL;
    if (*is_pinned)
        loan->reader = lookup->reader;
    response->hold = loan;
    return CACHE_OK;
}

enum cache_status store_get(struct cache *cache, const struct cache_key *key,
                            struct stored_response *response, bool *is_mismatch)
{
    struct lookup lookup = {.key = key};
    bool differs = false;
    bool is_pinned = false;
    response->hold = NULL;
    response->head = response->body = (struct span){0};
    enum cache_status status = reader_take(cache, &lookup.reader);
    if (status == CACHE_OK) {
        status = environment_status(lookup.reader->environment, trap_run(look_up, &lookup));
        if (status == CACHE_OK)
            status = lend(cache, &lookup, response, &differs, &is_pinned);
        if (status != CACHE_OK || !is_pinned)
            reader_return(lookup.reader);
    }
    if (status != CACHE_OK)
        response->head = response->body = (struct span){0};
    if (is_mismatch)
        *is_mismatch = differs;
    return status;
}

enum cache_status store_detach(struct stored_response *response)
{
    struct loan *pinned = response->hold;
    if (!pinned || !pinned->reader)
        return CACHE_OK;
    struct loan *copy = copy_bytes(response);
    if (!copy)
        return CACHE_FULL;
    reader_return(pinned->reader);
    free(pinned);
    response->hold = copy;
    return CACHE_OK;
}

void store_release(struct stored_response *response)
{
    struct loan *loan = response->hold;
    if (loan && loan->reader)
        reader_return(loan->reader);
    free(loan);
    response->hold = NULL;
    response->head = response->body = (struct span){0};
}

/* ---- put ---- */

struct placing {
    const struct cache_key *key;
    uint64_t requested_at;
    struct span prefix;
    struct span body;
};

static int remove_age(struct environment *environment, MDB_txn *transaction, struct span id)
{
    MDB_val value;
    uint64_t requested_at;
    int code = table_look(environment, TABLE_RESPONSES, id);
    if (code == 0)
        code = table_get(environment, transaction, TABLE_RESPONSES, id, &value);
    if (code != 0)
        return code == MDB_NOTFOUND ? 0 : code;
    if (!entry_read_time((struct span){value.mv_data, value.mv_size}, &requested_at))
        return MDB_CORRUPTED;
    struct age_key age = age_key_of(requested_at, id);
    code = table_delete(environment, transaction, TABLE_AGES, TABLE_KEY(age.bytes));
    return code == MDB_NOTFOUND ? 0 : code;
}

static int place(struct environment *environment, MDB_txn *transaction, void *closure)
{
    const struct placing *placing = closure;
    struct span id = TABLE_KEY(placing->key->id);
    uint64_t used;
    size_t size = placing->prefix.size + placing->body.size;
    int code = environment_used(environment, transaction, &used);
    if (code == 0 && evict_is_due(environment, used, size))
        code = MDB_MAP_FULL;
    if (code == 0)
        code = remove_age(environment, transaction, id);
    if (code != 0)
        return code;
    struct age_key age = age_key_of(placing->requested_at, id);
    MDB_val nothing = {0, (void *)""};
    code = table_put(environment, transaction, TABLE_AGES, TABLE_KEY(age.bytes), &nothing);
    if (code != 0)
        return code;
    MDB_val value = {size, NULL};
    code = table_put(environment, transaction, TABLE_RESPONSES, id, &value);
    if (code != 0)
        return code;
    memcpy(value.mv_data, placing->prefix.data, placing->prefix.size);
    if (placing->body.size > 0)
        memcpy((uint8_t *)value.mv_data + placing->prefix.size, placing->body.data,
               placing->body.size);
    return 0;
}

/*
 * Nothing is left to evict, or not even that can be written, and there is no room: a reader that
 * has been stopped in the middle holds the pages of all that was removed since. Should that go on,
 * the store is given up for a new one; the reader keeps the old.
 */
static void note_pinned(struct shared *shared, struct environment *environment, bool is_pinned)
{
    uint64_t since = atomic_load_explicit(&shared->pinned_since, memory_order_relaxed);
    uint64_t now = clock_milliseconds();
    if (is_pinned && since != 0 && now - since >= PINNED_MS) {
        log_line(LOG_INFO, "the store is full of what a stopped reader holds, and is made anew");
        atomic_store(&environment->is_damaged, true);
        is_pinned = false;
    }
    if (is_pinned != (since != 0))
        atomic_store(&shared->pinned_since, is_pinned ? now : 0);
}

/*
 * Again with more room, a bounded number of times. Pages become free only once no reader is left
 * that began before they were given up: a moment later, usually, and never by itself when that
 * reader was killed. When it has just been waited for in vain, it is not waited for again.
 */
static int place_with_room(struct environment *environment, struct placing *placing)
{
    struct shared *shared = shared_get(environment->cache, false);
    uint64_t needed = placing->prefix.size + placing->body.size;
    bool is_pinned = shared && atomic_load(&shared->pinned_since) != 0;
    int steps = is_pinned ? 1 : EVICT_STEPS;
    int code = writer_run(environment, place, placing);
    for (int step = 0; code == MDB_MAP_FULL && step < steps; step++) {
        code = evict(environment, needed, step);
        if (code == 0)
            code = writer_run(environment, place, placing);
    }
    if (shared)
        note_pinned(shared, environment, code == MDB_MAP_FULL);
    return code;
}

enum cache_status store_put(struct cache *cache, const struct cache_key *key,
                            const struct store_label *label, struct span head, struct span body)
{
    struct environment *environment;
    struct buffer prefix = {0};
    enum cache_status status = CACHE_FULL;
    size_t size = head.size + body.size;
    if (size <= store_size_limit(cache) && entry_write_prefix(&prefix, key, label, head, body)) {
        status = writer_enter(cache, &environment);
        if (status == CACHE_OK) {
            struct placing placing = {key, label->requested_at, buffer_span(&prefix), body};
            status = environment_status(environment, place_with_room(environment, &placing));
            writer_leave(cache);
        }
    }
    buffer_free(&prefix);
    return status;
}

size_t store_size_limit(const struct cache *cache)
{
    uint64_t eighth = cache->config.max_size / 8;
    struct environment *environment = atomic_load(&((struct cache *)cache)->environment);
    if (environment && environment->limit / 8 < eighth)
        eighth = environment->limit / 8;
    return (size_t)(eighth < SIZE_CEILING ? eighth : SIZE_CEILING);
}

/* ---- sweep ---- */

struct responses {
    store_visitor *visit;
    void *closure;
};

static bool visit_response(const uint8_t id[16], struct span value, void *closure)
{
    const struct responses *responses = closure;
    struct stored_response response;
    struct entry entry;
    (void)id;
    response.hold = NULL;
    return entry_read(value, &entry, &response) && responses->visit(&response, responses->closure);
}

static int remove_response(struct environment *environment, MDB_txn *transaction, enum table table,
                           struct span id)
{
    (void)table;
    return evict_one(environment, transaction, id);
}

enum cache_status store_sweep(struct cache *cache, store_visitor *visit, void *closure, bool is_dry,
                              uint64_t *removed)
{
    struct responses responses = {visit, closure};
    struct sweep sweep = {TABLE_RESPONSES, visit_response, &responses,
                          is_dry ? NULL : remove_response};
    return sweep_table(cache, &sweep, removed);
}
