/* The cache's handle: see cache.h. */
#include "base/clock.h"
#include "cache/cache.h"
#include "cache/directory.h"
#include "cache/fork.h"
#include "cache/reader.h"
#include "cache/ready.h"
#include "cache/shared.h"
#include "cache/trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#define RETRY_MS 10000 /* after an opening failed */

enum cache_status cache_refuse(struct cache *cache, enum cache_status status, const char *reason)
{
    atomic_store(&cache->reason, reason);
    return status;
}

struct cache *cache_open(const struct config *config)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    cache->config = *config;
    snprintf(cache->locks_path, sizeof(cache->locks_path), "%s/locks", config->directory);
    snprintf(cache->shared_path, sizeof(cache->shared_path), "%s/shared", config->directory);
    gate_init(&cache->gate);
    cache->is_privileged = getauxval(AT_SECURE) || geteuid() != getuid() || getegid() != getgid();
    atomic_store(&cache->may_create, true);
    atomic_store(&cache->reason, "");
    if (!fork_enlist(cache)) {
        free(cache);
        return NULL;
    }
    return cache;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    fork_delist(cache);
    environment_close_all(cache);
    shared_unmap_all(cache);
    pthread_mutex_destroy(&cache->gate.mutex);
    free(cache);
}

/* Inside the gate. Another thread may have been here before us. */
static enum cache_status open_inside(struct cache *cache, int directory, bool create)
{
    struct environment *environment = atomic_load(&cache->environment);
    if (environment) {
        enum environment_condition condition = environment_examine_for_write(environment);
        if (condition == ENVIRONMENT_SOUND)
            return CACHE_OK;
        if (condition == ENVIRONMENT_TAKEN) {
            atomic_store(&cache->is_ended, true);
            return CACHE_UNAVAILABLE;
        }
        environment_retire(cache);
    }
    environment_close_retired(cache);
    enum cache_status status = shared_attach(cache, directory, create);
    return status == CACHE_OK ? environment_open(cache, directory, create) : status;
}

static enum cache_status open_all(struct cache *cache, bool create)
{
    int directory;
    const char *reason = NULL;
    enum cache_status status = directory_open(cache->config.directory, create, &directory, &reason);
    if (status != CACHE_OK)
        return cache_refuse(cache, status, reason);
    status = gate_enter(&cache->gate, cache->locks_path, create);
    switch (status) {
    case CACHE_OK:
        status = open_inside(cache, directory, create);
        gate_leave(&cache->gate);
        break;
    case CACHE_BUSY:
        cache_refuse(cache, status, "Another process holds the cache and does not let go.");
        break;
    case CACHE_ABSENT:
        cache_refuse(cache, status, "There is no cache yet.");
        break;
    default:
        cache_refuse(cache, status, "The cache's directory cannot be written.");
    }
    close(directory);
    return status;
}

static enum cache_status open_again(struct cache *cache, bool create)
{
    if (cache->is_privileged)
        return cache_refuse(cache, CACHE_UNAVAILABLE,
                            "The program runs with rights that its user has not (setuid).");
    if (!cache->config.directory[0])
        return cache_refuse(cache, CACHE_UNAVAILABLE,
                            "No directory: neither VCACHE_DIR, XDG_RUNTIME_DIR, XDG_CACHE_HOME nor "
                            "HOME is an absolute path.");
    if (create && clock_milliseconds() < atomic_load(&cache->retry_at))
        return CACHE_UNAVAILABLE;
    enum cache_status status = open_all(cache, create);
    if (create && status != CACHE_OK && status != CACHE_BUSY)
        atomic_store(&cache->retry_at, clock_milliseconds() + RETRY_MS);
    return status;
}

/* CACHE_ABSENT: there is none, or it must be opened anew. */
static enum cache_status examine_current(struct cache *cache, struct environment **environment,
                                         bool strictly)
{
    if (atomic_load(&cache->is_ended))
        return cache_refuse(cache, CACHE_UNAVAILABLE,
                            "The program has closed the cache's file descriptors.");
    *environment = atomic_load(&cache->environment);
    if (!*environment)
        return CACHE_ABSENT;
    switch (strictly ? environment_examine(*environment)
                     : environment_examine_for_read(*environment)) {
    case ENVIRONMENT_SOUND:
        return CACHE_OK;
    case ENVIRONMENT_TAKEN:
        /* Unless another thread has just retired it. */
        if (*environment == atomic_load(&cache->environment))
            atomic_store(&cache->is_ended, true);
        return examine_current(cache, environment, strictly);
    default:
        return CACHE_ABSENT;
    }
}

enum cache_status ready_environment(struct cache *cache, struct environment **environment,
                                    bool strictly)
{
    if (!fork_settle())
        return CACHE_BUSY;
    enum cache_status status = examine_current(cache, environment, strictly);
    if (status != CACHE_ABSENT)
        return status;
    status = open_again(cache, atomic_load(&cache->may_create));
    if (status != CACHE_OK)
        return status;
    *environment = atomic_load(&cache->environment);
    return *environment ? CACHE_OK : CACHE_BUSY;
}

enum cache_status cache_ready(struct cache *cache, bool create)
{
    struct environment *environment;
    atomic_store(&cache->may_create, create);
    enum cache_status status = ready_environment(cache, &environment, true);
    if (status == CACHE_OK)
        atomic_store(&cache->reason, "");
    return status;
}

const char *cache_reason(const struct cache *cache)
{
    return atomic_load(&cache->reason);
}

const struct cache_secret *cache_secret(struct cache *cache)
{
    /* Should that environment be gone by now, its secret leads to keys that are not found. */
    struct environment *environment = fork_settle() ? atomic_load(&cache->environment) : NULL;
    if (environment || ready_environment(cache, &environment, false) == CACHE_OK)
        return &environment->secret;
    return NULL;
}

struct measuring {
    struct reader *reader;
    struct cache_extent *extent;
};

static int measure(void *closure)
{
    struct measuring *measuring = closure;
    struct environment *environment = measuring->reader->environment;
    MDB_txn *transaction = measuring->reader->transaction;
    MDB_stat stat;
    int code = environment_used(environment, transaction, &measuring->extent->used);
    if (code != 0)
        return code;
    code = environment->lmdb->mdb_stat(transaction, environment->tables[TABLE_RESPONSES], &stat);
    measuring->extent->responses = stat.ms_entries;
    if (code != 0)
        return code;
    code = environment->lmdb->mdb_stat(transaction, environment->tables[TABLE_SESSIONS], &stat);
    measuring->extent->sessions = stat.ms_entries;
    return code;
}

enum cache_status cache_extent(struct cache *cache, struct cache_extent *extent)
{
    struct measuring measuring = {.extent = extent};
    *extent = (struct cache_extent){0};
    enum cache_status status = reader_take(cache, &measuring.reader);
    if (status != CACHE_OK)
        return status;
    extent->limit = measuring.reader->environment->limit;
    status = environment_status(measuring.reader->environment, trap_run(measure, &measuring));
    reader_return(measuring.reader);
    return status;
}
