/*
 * The environment: LMDB's files, opened. What can go wrong with them, and whose they are.
 *
 * An environment is opened and retired inside the gate. Readers (reader.h) look at it without a
 * lock, so the structure lives until the handle is closed.
 */
#ifndef VCACHE_CACHE_ENVIRONMENT_H
#define VCACHE_CACHE_ENVIRONMENT_H

#include "base/late.h"
#include "cache/handle.h"
#include "cache/path.h"

#include <sys/types.h>

enum table {
    TABLE_META,      /* one record: what the cache is (environment.c) */
    TABLE_RESPONSES, /* key → response */
    TABLE_AGES,      /* time of the request and key → nothing: the order of eviction */
    TABLE_SESSIONS,  /* records.h, likewise the next three */
    TABLE_BOUND,
    TABLE_PRINCIPALS,
    TABLE_PEERS,
    TABLE_COUNT
};

#define ENVIRONMENT_READERS 64 /* reads at once in one process, lent large responses included */

enum reader_state {
    READER_NONE, /* no transaction yet */
    READER_IDLE, /* a transaction that waits to be renewed */
    READER_BUSY,
    READER_LOST /* its slot in LMDB's table was given to somebody else */
};

struct reader {
    _Alignas(64) atomic_int state; /* who moves it to BUSY owns the rest */
    MDB_txn *transaction;
    struct environment *environment;
};

struct environment {
    struct environment *next;
    struct cache *cache;
    const struct late_lmdb *lmdb;
    MDB_env *env; /* NULL: closed */
    int data_fd, meta_fd, lock_fd;
    dev_t device;
    ino_t data_inode, lock_inode;
    _Atomic off_t data_size; /* of the map: the file may be longer; a shorter one was cut */
    off_t lock_size;
    size_t page_size;
    uint64_t limit; /* bytes that may be in use */
    MDB_dbi tables[TABLE_COUNT];
    struct path_view view; /* of the write transaction that is open */
    struct cache_secret secret;
    uint64_t looked_at;           /* clock_milliseconds(): its pages made sense; inside the gate */
    _Atomic uint64_t examined_at; /* clock_microseconds(): it was sound */
    atomic_bool is_damaged;       /* what was read from it made no sense */
    atomic_bool is_foreign;       /* opened by the process that forked this one */
    bool is_stuck; /* a write transaction of ours can neither be ended nor gone on with */
    struct reader readers[ENVIRONMENT_READERS];
};

enum environment_condition {
    ENVIRONMENT_SOUND,
    ENVIRONMENT_GONE,    /* its files were removed or cut: open others */
    ENVIRONMENT_DAMAGED, /* its files are to be removed: open others */
    ENVIRONMENT_TAKEN    /* the program closed or reused the descriptors: never again */
};

/* An fstat(2) of the data file and one of the lock file. */
enum environment_condition environment_examine(struct environment *environment);
/*
 * Before every read: as environment_examine, but SOUND without asking the kernel if it was so a
 * moment ago (EXAMINE_US). Somebody would have to remove the cache, and a program to make a new one
 * and finish a write to the origin, within that moment to make a difference; and a hit of 1 KB
 * costs half of what it does otherwise.
 */
#define EXAMINE_US 200
enum environment_condition environment_examine_for_read(struct environment *environment);
/* Inside the gate, before every write: all descriptors, for LMDB writes to them whatever they are
 * now, and the lock file. */
enum environment_condition environment_examine_for_write(struct environment *environment);

/*
 * Inside the gate. Opens what is in `directory`; with `create` makes what is missing, and makes
 * anew what is damaged or foreign (CACHE_ABSENT without). On CACHE_OK it is the current one.
 */
enum cache_status environment_open(struct cache *cache, int directory, bool create);

/* Inside the gate. The current environment is no longer used by new reads, and its files are
 * removed. It is closed if nobody reads from it; if that is not safe it is left in memory. */
void environment_retire(struct cache *cache);
/* Inside the gate. Closes those that were read from when they were retired, and are no longer. */
void environment_close_retired(struct cache *cache);

/* In a forked child: closes the descriptors, if they are the inherited ones still. */
void environment_disown_all(struct cache *cache);

/* Frees all; nobody reads any more. */
void environment_close_all(struct cache *cache);

/* What an error code of LMDB means; a damaged environment is marked. */
enum cache_status environment_status(struct environment *environment, int code);

/* Bytes of the pages in use, after the transaction's view. Inside the trap. */
int environment_used(struct environment *environment, MDB_txn *transaction, uint64_t *used);

#endif
