/* Readers: see reader.h. */
#include "cache/reader.h"

#include "cache/fork.h"
#include "cache/ready.h"

static bool move(struct reader *reader, enum reader_state from, enum reader_state to)
{
    int expected = (int)from;
    return atomic_load_explicit(&reader->state, memory_order_relaxed) == expected &&
           atomic_compare_exchange_strong(&reader->state, &expected, (int)to);
}

static struct reader *find(struct environment *environment, enum reader_state state)
{
    /* A thread begins where it was last, and so meets no other most of the time. */
    static _Thread_local unsigned last;
    for (unsigned i = 0; i < ENVIRONMENT_READERS; i++) {
        unsigned at = (last + i) % ENVIRONMENT_READERS;
        if (move(&environment->readers[at], state, READER_BUSY)) {
            last = at;
            return &environment->readers[at];
        }
    }
    return NULL;
}

void reader_clear_dead(struct environment *environment)
{
    int dead;
    environment->lmdb->mdb_reader_check(environment->env, &dead);
}

/* Takes a slot in LMDB's table of readers, under its shared mutex: inside the gate only. */
static int begin(struct reader *reader)
{
    struct environment *environment = reader->environment;
    const struct late_lmdb *lmdb = environment->lmdb;
    int code = lmdb->mdb_txn_begin(environment->env, NULL, MDB_RDONLY, &reader->transaction);
    if (code == MDB_READERS_FULL) {
        reader_clear_dead(environment);
        code = lmdb->mdb_txn_begin(environment->env, NULL, MDB_RDONLY, &reader->transaction);
    }
    if (code == 0)
        lmdb->mdb_txn_reset(reader->transaction);
    return code;
}

int reader_prepare(struct environment *environment, unsigned count)
{
    for (; count > 0; count--) {
        struct reader *reader = find(environment, READER_NONE);
        if (!reader)
            return 0;
        int code = begin(reader);
        atomic_store(&reader->state, code == 0 ? READER_IDLE : READER_NONE);
        if (code != 0)
            return code;
    }
    return 0;
}

bool reader_shut_all(struct environment *environment)
{
    bool is_idle = true;
    for (unsigned i = 0; i < ENVIRONMENT_READERS; i++) {
        struct reader *reader = &environment->readers[i];
        if (move(reader, READER_IDLE, READER_LOST))
            environment->lmdb->mdb_txn_abort(reader->transaction);
        is_idle = is_idle && atomic_load(&reader->state) != READER_BUSY;
    }
    return is_idle;
}

/* mdb_env_set_mapsize moves the map: nobody may read meanwhile. */
int reader_follow_growth(struct environment *environment)
{
    bool is_parked[ENVIRONMENT_READERS] = {false};
    bool is_idle = true;
    for (unsigned i = 0; i < ENVIRONMENT_READERS; i++) {
        is_parked[i] = move(&environment->readers[i], READER_IDLE, READER_BUSY);
        is_idle =
            is_idle && (is_parked[i] || atomic_load(&environment->readers[i].state) != READER_BUSY);
    }
    int code = MDB_MAP_RESIZED;
    if (is_idle) {
        MDB_envinfo info;
        code = environment->lmdb->mdb_env_set_mapsize(environment->env, 0);
        if (code == 0)
            code = environment->lmdb->mdb_env_info(environment->env, &info);
        if (code == 0)
            environment->data_size = (off_t)info.me_mapsize;
        else
            atomic_store(&environment->cache->is_ended, true); /* there is no map any more */
    }
    bool is_lost = is_idle && code != 0;
    for (unsigned i = 0; i < ENVIRONMENT_READERS; i++)
        if (is_parked[i])
            atomic_store(&environment->readers[i].state, is_lost ? READER_LOST : READER_IDLE);
    return code;
}

/* One more reader, or a larger map: both inside the gate, if the environment is still the one. */
static enum cache_status in_gate(struct environment *environment, int (*work)(struct environment *))
{
    struct cache *cache = environment->cache;
    enum cache_status status =
        gate_enter(&cache->gate, cache->locks_path, atomic_load(&cache->may_create));
    if (status != CACHE_OK)
        return status;
    if (atomic_load(&cache->environment) == environment &&
        environment_examine_for_write(environment) == ENVIRONMENT_SOUND)
        status = environment_status(environment, work(environment));
    gate_leave(&cache->gate);
    return status;
}

static int prepare_one(struct environment *environment)
{
    return reader_prepare(environment, 1);
}

/* CACHE_BUSY: try again. */
static enum cache_status renew(struct reader *reader)
{
    struct environment *environment = reader->environment;
    int code = environment->lmdb->mdb_txn_renew(reader->transaction);
    if (code == 0)
        return CACHE_OK;
    if (code == MDB_BAD_RSLOT) {
        /* Somebody took us for dead. The slot may be another's now: not even to be ended. */
        atomic_store(&reader->state, READER_LOST);
        return CACHE_BUSY;
    }
    atomic_store(&reader->state, READER_IDLE);
    if (code != MDB_MAP_RESIZED)
        return environment_status(environment, code);
    enum cache_status status = in_gate(environment, reader_follow_growth);
    return status == CACHE_OK ? CACHE_BUSY : status;
}

enum cache_status reader_take(struct cache *cache, struct reader **reader)
{
    enum cache_status status = CACHE_UNAVAILABLE;
    for (int tries = 0; tries < 4; tries++) {
        struct environment *environment = NULL;
        status = ready_environment(cache, &environment, false);
        if (status != CACHE_OK || !environment)
            return status;
        *reader = find(environment, READER_IDLE);
        if (*reader) {
            status = renew(*reader);
            if (status != CACHE_BUSY)
                return status;
        } else {
            status = in_gate(environment, prepare_one);
            if (status != CACHE_OK)
                return status;
        }
    }
    return CACHE_BUSY;
}

void reader_return(struct reader *reader)
{
    struct environment *environment = reader->environment;
    /* The parent's transaction is a slot in a mapped file: ended here, it would end there. */
    if (!fork_settle() || atomic_load_explicit(&environment->is_foreign, memory_order_relaxed))
        return;
    environment->lmdb->mdb_txn_reset(reader->transaction);
    atomic_store_explicit(&reader->state, READER_IDLE, memory_order_release);
}
