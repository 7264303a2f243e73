/* The environment: see environment.h. Opening is in opening.c. */
#include "cache/environment.h"

#include "base/clock.h"
#include "cache/directory.h"
#include "cache/lockfile.h"
#include "cache/reader.h"
#include "cache/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAKS_LIMIT                                                                                \
    64 /* environments that could not be closed; each keeps a map and its memory                   \
        */

static bool is_file(int fd, dev_t device, ino_t inode, struct stat *status)
{
    return fd >= 0 && fstat(fd, status) == 0 && status->st_dev == device && status->st_ino == inode;
}

enum environment_condition environment_examine(struct environment *environment)
{
    struct stat data, lock;
    if (!is_file(environment->data_fd, environment->device, environment->data_inode, &data) ||
        !is_file(environment->lock_fd, environment->device, environment->lock_inode, &lock))
        return ENVIRONMENT_TAKEN;
    if (data.st_nlink == 0)
        return ENVIRONMENT_GONE;
    /* Who opens the data with another lock file knows nothing of our readers. */
    if (data.st_size < environment->data_size || lock.st_nlink == 0 ||
        lock.st_size < environment->lock_size || atomic_load(&environment->is_damaged))
        return ENVIRONMENT_DAMAGED;
    return ENVIRONMENT_SOUND;
}

enum environment_condition environment_examine_for_read(struct environment *environment)
{
    uint64_t now = clock_microseconds();
    uint64_t then = atomic_load_explicit(&environment->examined_at, memory_order_relaxed);
    if (now - then < EXAMINE_US &&
        !atomic_load_explicit(&environment->is_damaged, memory_order_relaxed))
        return ENVIRONMENT_SOUND;
    enum environment_condition condition = environment_examine(environment);
    if (condition == ENVIRONMENT_SOUND)
        atomic_store_explicit(&environment->examined_at, now, memory_order_relaxed);
    return condition;
}

enum environment_condition environment_examine_for_write(struct environment *environment)
{
    struct stat status;
    MDB_envinfo info;
    if (!is_file(environment->meta_fd, environment->device, environment->data_inode, &status))
        return ENVIRONMENT_TAKEN;
    enum environment_condition condition = environment_examine(environment);
    if (condition != ENVIRONMENT_SOUND)
        return condition;
    environment->lmdb->mdb_env_info(environment->env, &info);
    if (lockfile_is_sound(environment->lock_fd, info.me_last_txnid))
        return ENVIRONMENT_SOUND;
    atomic_store(&environment->is_damaged, true);
    return ENVIRONMENT_DAMAGED;
}

static void close_if_ours(int *fd, dev_t device, ino_t inode)
{
    struct stat status;
    if (is_file(*fd, device, inode, &status))
        close(*fd);
    *fd = -1;
}

static void close_descriptors(struct environment *environment)
{
    close_if_ours(&environment->data_fd, environment->device, environment->data_inode);
    close_if_ours(&environment->meta_fd, environment->device, environment->data_inode);
    close_if_ours(&environment->lock_fd, environment->device, environment->lock_inode);
}

/* Whether mdb_env_close would touch nothing but what is ours and there. A mutex that was damaged
 * while we held it may still be on the thread's list of robust ones: it must stay mapped. */
static bool can_close(struct environment *environment)
{
    struct stat status;
    return environment->env && !environment->is_stuck && !atomic_load(&environment->is_foreign) &&
           is_file(environment->data_fd, environment->device, environment->data_inode, &status) &&
           is_file(environment->meta_fd, environment->device, environment->data_inode, &status) &&
           is_file(environment->lock_fd, environment->device, environment->lock_inode, &status) &&
           status.st_size >= environment->lock_size && lockfile_has_mutexes(environment->lock_fd);
}

static bool close_environment(struct environment *environment)
{
    if (!can_close(environment) || !reader_shut_all(environment))
        return false;
    environment->lmdb->mdb_env_close(environment->env);
    environment->env = NULL;
    environment->data_fd = environment->meta_fd = environment->lock_fd = -1;
    return true;
}

/* Removes the files of a damaged environment, unless others have replaced them already. */
static void remove_files(struct environment *environment)
{
    const char *reason;
    int directory;
    struct stat status;
    if (directory_open(environment->cache->config.directory, false, &directory, &reason) !=
        CACHE_OK)
        return;
    if (fstatat(directory, "data.mdb", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_dev == environment->device && status.st_ino == environment->data_inode) {
        unlinkat(directory, "data.mdb", 0);
        unlinkat(directory, "lock.mdb", 0);
        shared_note_remade(environment->cache);
    }
    close(directory);
}

void environment_retire(struct cache *cache)
{
    struct environment *environment = atomic_exchange(&cache->environment, NULL);
    if (!environment)
        return;
    struct stat status;
    if (is_file(environment->data_fd, environment->device, environment->data_inode, &status) &&
        status.st_nlink > 0)
        remove_files(environment);
    /* One that is read from yet is closed when another is opened, or with the handle. */
    if (close_environment(environment) || can_close(environment))
        return;
    close_descriptors(environment);
    if (++cache->leaked_environments >= LEAKS_LIMIT)
        atomic_store(&cache->is_ended, true);
}

void environment_close_retired(struct cache *cache)
{
    for (struct environment *environment = cache->environments; environment;
         environment = environment->next)
        if (environment != atomic_load(&cache->environment))
            close_environment(environment);
}

void environment_disown_all(struct cache *cache)
{
    for (struct environment *environment = cache->environments; environment;
         environment = environment->next) {
        if (!atomic_exchange(&environment->is_foreign, true))
            close_descriptors(environment);
    }
    atomic_store(&cache->environment, NULL);
    atomic_store(&cache->is_ended, false);
    atomic_store(&cache->retry_at, 0);
}

/* What can never be closed stays where leak checkers see that it is meant. */
static void abandon(struct environment *environment)
{
    static _Atomic(struct environment *) abandoned;
    if (!atomic_load(&environment->is_foreign))
        close_descriptors(environment);
    environment->next = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &environment->next, environment))
        ;
}

void environment_close_all(struct cache *cache)
{
    struct environment *environment = cache->environments;
    while (environment) {
        struct environment *next = environment->next;
        if (!environment->env || close_environment(environment))
            free(environment);
        else
            abandon(environment);
        environment = next;
    }
    cache->environments = NULL;
}

static bool is_damage(int code)
{
    switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_CURSOR_FULL:
    case MDB_BAD_DBI:
    case MDB_BAD_VALSIZE:
    case MDB_PANIC:
    case ENOTRECOVERABLE:
    case EOWNERDEAD:
        return true;
    default:
        return false;
    }
}

enum cache_status environment_status(struct environment *environment, int code)
{
    if (is_damage(code))
        atomic_store(&environment->is_damaged, true);
    switch (code) {
    case 0:
        return CACHE_OK;
    case MDB_NOTFOUND:
        return CACHE_ABSENT;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
    case ENOMEM:
        return CACHE_FULL;
    default:
        return CACHE_UNAVAILABLE;
    }
}

int environment_used(struct environment *environment, MDB_txn *transaction, uint64_t *used)
{
    *used = 0;
    for (int table = 0; table < TABLE_COUNT; table++) {
        MDB_stat stat;
        int code = environment->lmdb->mdb_stat(transaction, environment->tables[table], &stat);
        if (code != 0)
            return code;
        *used += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
                 (uint64_t)stat.ms_psize;
    }
    return 0;
}
