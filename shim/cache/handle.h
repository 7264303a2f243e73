/*
 * The inside of a `struct cache`: for the files of shim/cache only.
 *
 * What may be read without a lock is atomic; the rest changes inside the gate. What readers may
 * still be looking at (environments, mappings) is never freed while the handle lives: it is retired
 * and stays on its list, so that a read needs no lock and no reference count.
 */
#ifndef VCACHE_CACHE_HANDLE_H
#define VCACHE_CACHE_HANDLE_H

#include "cache/cache.h"
#include "cache/gate.h"

#include <stdatomic.h>

struct environment;
struct shared_mapping;

#define CACHE_CLAIMS 64    /* open claims that a forked child is able to drop */
#define CACHE_VERIFIED 256 /* large responses remembered as undamaged */

struct cache {
    struct config config;
    char locks_path[PATH_MAX + 8];
    char shared_path[PATH_MAX + 8];
    struct gate gate;

    _Atomic(struct environment *) environment; /* NULL: none is open */
    struct environment *environments;          /* every one opened so far */
    unsigned leaked_environments;              /* that could not be closed */
    _Atomic(struct shared_mapping *) shared;
    _Atomic(struct shared_mapping *) mappings; /* every one made so far */
    atomic_uint mapping_count;
    _Atomic uint64_t shared_retry_at; /* clock_milliseconds(), as the next */
    _Atomic uint64_t find_again_at;

    bool is_privileged; /* the program runs with rights that its user has not: no cache */
    atomic_bool may_create;
    atomic_bool is_ended;      /* the program closed our descriptors: no LMDB here any more */
    _Atomic uint64_t retry_at; /* clock_milliseconds(): opening failed, not tried again before */
    _Atomic(const char *) reason;

    atomic_uint forks;               /* between the process that made the handle and this one */
    atomic_int claims[CACHE_CLAIMS]; /* descriptors + 1; 0: free (collapse.c) */
    _Atomic uint64_t verified[CACHE_VERIFIED]; /* checksums (store.c) */

    struct cache *next; /* of this process's handles (fork.c) */
};

#define CACHE_LIMITS_REASON "The program's limits (ulimit -f, -v) are too small for the cache."

/* Remembers why, for cache_reason; `reason` is a literal. Returns `status`. */
enum cache_status cache_refuse(struct cache *cache, enum cache_status status, const char *reason);

#endif
