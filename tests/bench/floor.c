/*
 * Worker: the least that answering from this cache can cost. XXH3-128 of the request, mdb_get in
 * the same file, one memcpy of the answer. To get anything LMDB needs a transaction: it is renewed
 * and reset each time, for otherwise what others store would never be seen.
 *
 *     floor DIRECTORY ANSWER-SIZE VARIANTS
 */
#define XXH_INLINE_ALL
#include "client.h"
#include "measure.h"

#include <lmdb.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { KEY_SIZE = 16, MORE_THAN_ANSWER = 1024 };

struct floor {
    MDB_env *environment;
    MDB_dbi table;
    MDB_txn *transaction;
    struct request *requests;
    uint8_t (*keys)[KEY_SIZE];
    unsigned variants;
    unsigned next;
    size_t size;
    char *answer;
    uint8_t secret[192];
    XXH64_hash_t sink; /* so that the hash is not left out */
};

/* The entries that hold an answer of that size, a label of their own aside. */
static unsigned find_keys(struct floor *at)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    unsigned found = 0;
    if (mdb_cursor_open(at->transaction, at->table, &cursor) != 0)
        return 0;
    while (found < at->variants && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
        if (key.mv_size == KEY_SIZE && value.mv_size >= at->size &&
            value.mv_size < at->size + MORE_THAN_ANSWER)
            memcpy(at->keys[found++], key.mv_data, KEY_SIZE);
    mdb_cursor_close(cursor);
    return found;
}

/* The table's handle outlives the transaction only if that is committed (lmdb.h, mdb_dbi_open). */
static bool open_cache(struct floor *at, const char *directory)
{
    return mdb_env_create(&at->environment) == 0 && mdb_env_set_maxdbs(at->environment, 16) == 0 &&
           mdb_env_open(at->environment, directory, MDB_RDONLY | MDB_NOTLS, 0600) == 0 &&
           mdb_txn_begin(at->environment, NULL, MDB_RDONLY, &at->transaction) == 0 &&
           mdb_dbi_open(at->transaction, "responses", 0, &at->table) == 0 &&
           mdb_txn_commit(at->transaction) == 0 &&
           mdb_txn_begin(at->environment, NULL, MDB_RDONLY, &at->transaction) == 0;
}

static bool answer_one(struct floor *at)
{
    unsigned i = at->next++ % at->variants;
    const struct request *request = &at->requests[i];
    MDB_val key = {KEY_SIZE, at->keys[i]};
    MDB_val value;
    XXH128_hash_t hash =
        XXH3_128bits_withSecret(request->bytes, request->size, at->secret, sizeof(at->secret));
    at->sink ^= hash.low64 ^ hash.high64;
    if (mdb_txn_renew(at->transaction) != 0 ||
        mdb_get(at->transaction, at->table, &key, &value) != 0)
        return false;
    memcpy(at->answer, value.mv_data, at->size);
    mdb_txn_reset(at->transaction);
    return true;
}

static bool make_calls(void *closure, unsigned calls, double *ns)
{
    struct floor *at = closure;
    bool is_done = answer_one(at);
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = answer_one(at);
    *ns = now_ns() - begun;
    return is_done;
}

static bool make_requests(struct floor *at)
{
    /* As long as the requests of a client that has logged in. */
    static const struct client client = {
        .port = 40000,
        .accepts_gzip = true,
        .cookie = "vmware_soap_session=\"0123456789012345678901234567890123456789\"; Path=/; "
                  "HttpOnly; Secure;"};
    for (unsigned i = 0; i < at->variants; i++)
        if (!request_of_size(&client, at->size, i, &at->requests[i]))
            return false;
    return true;
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    struct floor at = {.variants = (unsigned)number_in(arguments[3]),
                       .size = strtoull(arguments[2], NULL, 10)};
    at.requests = calloc(at.variants, sizeof(*at.requests));
    at.keys = calloc(at.variants, sizeof(*at.keys));
    at.answer = malloc(at.size);
    for (size_t i = 0; i < sizeof(at.secret); i++)
        at.secret[i] = (uint8_t)(i * 167 + 13);
    if (!at.requests || !at.keys || !at.answer || !make_requests(&at) ||
        !open_cache(&at, arguments[1]) || find_keys(&at) < at.variants)
        return 1;
    mdb_txn_reset(at.transaction);
    bool is_good = worker_serve((long)at.sink, make_calls, &at);
    mdb_txn_abort(at.transaction);
    mdb_env_close(at.environment);
    return is_good ? 0 : 1;
}
