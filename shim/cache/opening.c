/*
 * Opening an environment: see environment_open in environment.h.
 *
 * data.mdb is made as long as its map at once, without blocks. So no page that LMDB may look at,
 * garbage included, lies beyond the end of the file, where it would be SIGBUS; and that the file
 * was cut shows in its length alone. lock.mdb is written through its map, so its blocks are real.
 *
 * LMDB's flags: no MDB_WRITEMAP, for a full disk would be SIGBUS too. No MDB_NOMEMINIT: it would
 * put bytes of the program's freed memory, which may have been a password, into the file.
 * No MDB_NORDAHEAD: of a large response that is not in memory it would read page by page (5 MB: 80
 * ms instead of 5).
 */
#include "cache/descriptors.h"
#include "cache/directory.h"
#include "cache/environment.h"
#include "cache/key.h"
#include "cache/limits.h"
#include "cache/lockfile.h"
#include "cache/pages.h"
#include "cache/reader.h"
#include "cache/shared.h"
#include "cache/table.h"
#include "cache/trap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define FORMAT 2             /* of the tables; an older vcache leaves a newer one's alone */
#define LOCK_SIZE 131072     /* room for about 2000 readers */
#define READERS_LIMIT 1024   /* what LMDB asks at least; the file's size decides */
#define PAGES_AT_OPENING 128 /* looked at; a page takes about a microsecond */
#define READERS_AT_ONCE 2    /* got ready at the opening */

/* The record in TABLE_META. */
struct identity {
    uint32_t format;
    uint8_t boot_id[SHARED_BOOT_ID];
    uint64_t created; /* seconds since the epoch */
    struct cache_secret secret;
    uint64_t check; /* checksum of what is above */
};

struct opening {
    struct environment *environment;
    int directory;
    bool is_new;
    uint64_t map_size;
    uint8_t boot_id[SHARED_BOOT_ID];
};

/* ---- the files, before LMDB ---- */

enum files { FILES_SOUND, FILES_ABSENT, FILES_DAMAGED, FILES_REFUSED };

/* Not while this process has it open: closing any of its descriptors drops LMDB's record locks. */
static bool lock_is_sound(int directory)
{
    struct stat status;
    int fd = directory_open_file(directory, "lock.mdb", O_RDONLY, &status);
    if (fd < 0)
        return false;
    bool is_sound = lockfile_is_sound(fd, LOCKFILE_ANY_TRANSACTION);
    close(fd);
    return is_sound;
}

static enum files examine_files(struct opening *opening)
{
    struct stat data, lock;
    int data_error = directory_examine_file(opening->directory, "data.mdb", &data);
    int lock_error = directory_examine_file(opening->directory, "lock.mdb", &lock);
    if (data_error == EPERM || lock_error == EPERM)
        return FILES_REFUSED;
    if (data_error != 0)
        return FILES_ABSENT;
    if (lock_error != 0 || lock.st_size < LOCK_SIZE)
        return FILES_DAMAGED;
    int fd = directory_open_file(opening->directory, "data.mdb", O_RDONLY, &data);
    if (fd < 0)
        return FILES_REFUSED;
    bool is_sound = pages_are_sound(fd, PAGES_AT_OPENING) && lock_is_sound(opening->directory);
    close(fd);
    if ((uint64_t)data.st_size > opening->map_size)
        opening->map_size = (uint64_t)data.st_size;
    return is_sound ? FILES_SOUND : FILES_DAMAGED;
}

static void remove_files(int directory)
{
    unlinkat(directory, "data.mdb", 0);
    unlinkat(directory, "lock.mdb", 0);
}

static bool make_file(int directory, const char *name, off_t size)
{
    struct stat status;
    int fd = directory_open_file(directory, name, O_RDWR | O_CREAT | O_EXCL, &status);
    if (fd < 0)
        return false;
    bool is_made = size == 0 || posix_fallocate(fd, 0, size) == 0;
    close(fd);
    return is_made;
}

/* LMDB takes an empty data.mdb for a new one, and a lock.mdb of this size as it is. */
static bool make_files(int directory)
{
    remove_files(directory);
    if (make_file(directory, "lock.mdb", LOCK_SIZE) && make_file(directory, "data.mdb", 0))
        return true;
    remove_files(directory);
    return false;
}

/* ---- LMDB ---- */

static int learn_files(struct opening *opening)
{
    struct environment *environment = opening->environment;
    struct stat data, lock;
    int code = environment->lmdb->mdb_env_get_fd(environment->env, &environment->data_fd);
    if (code != 0)
        return code;
    if (fstat(environment->data_fd, &data) != 0 ||
        fstatat(opening->directory, "lock.mdb", &lock, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    environment->device = data.st_dev;
    environment->data_inode = data.st_ino;
    environment->lock_inode = lock.st_ino;
    if (!descriptors_find(environment))
        return EBADF;
    if (data.st_size < environment->data_size &&
        ftruncate(environment->data_fd, environment->data_size) != 0)
        return errno;
    return 0;
}

static void make_identity(const struct opening *opening, struct identity *identity)
{
    memset(identity, 0, sizeof(*identity));
    identity->format = FORMAT;
    memcpy(identity->boot_id, opening->boot_id, SHARED_BOOT_ID);
    identity->created = (uint64_t)time(NULL);
    identity->secret = opening->environment->secret;
    identity->check = key_checksum(identity, offsetof(struct identity, check));
}

static int put_identity(const struct opening *opening, MDB_txn *transaction)
{
    struct environment *environment = opening->environment;
    struct identity identity;
    if (getrandom(&environment->secret, sizeof(environment->secret), GRND_NONBLOCK) !=
        (ssize_t)sizeof(environment->secret))
        return EAGAIN;
    make_identity(opening, &identity);
    MDB_val key = {sizeof("identity"), (void *)"identity"};
    MDB_val value = {sizeof(identity), &identity};
    int code =
        environment->lmdb->mdb_put(transaction, environment->tables[TABLE_META], &key, &value, 0);
    explicit_bzero(&identity, sizeof(identity));
    return code;
}

static int get_identity(const struct opening *opening, MDB_txn *transaction)
{
    struct environment *environment = opening->environment;
    struct identity identity;
    MDB_val key = {sizeof("identity"), (void *)"identity"};
    MDB_val value;
    int code =
        environment->lmdb->mdb_get(transaction, environment->tables[TABLE_META], &key, &value);
    if (code != 0 || value.mv_size != sizeof(identity))
        return MDB_CORRUPTED;
    memcpy(&identity, value.mv_data, sizeof(identity));
    bool is_ours = identity.format == FORMAT &&
                   identity.check == key_checksum(&identity, offsetof(struct identity, check)) &&
                   memcmp(identity.boot_id, opening->boot_id, SHARED_BOOT_ID) == 0;
    environment->secret = identity.secret;
    explicit_bzero(&identity, sizeof(identity));
    return is_ours ? 0 : MDB_VERSION_MISMATCH;
}

static int open_tables(struct opening *opening)
{
    struct environment *environment = opening->environment;
    const struct late_lmdb *lmdb = environment->lmdb;
    MDB_txn *transaction;
    int code =
        lmdb->mdb_txn_begin(environment->env, NULL, opening->is_new ? 0 : MDB_RDONLY, &transaction);
    if (code != 0)
        return code;
    for (int table = 0; table < TABLE_COUNT && code == 0; table++)
        code = lmdb->mdb_dbi_open(transaction, table_names[table], opening->is_new ? MDB_CREATE : 0,
                                  &environment->tables[table]);
    if (code == MDB_NOTFOUND)
        code = MDB_CORRUPTED;
    if (code == 0)
        code = opening->is_new ? put_identity(opening, transaction)
                               : get_identity(opening, transaction);
    if (code != 0) {
        lmdb->mdb_txn_abort(transaction);
        return code;
    }
    return lmdb->mdb_txn_commit(transaction); /* of a read too: it keeps the tables' handles */
}

static int open_files(struct opening *opening)
{
    struct environment *environment = opening->environment;
    const struct late_lmdb *lmdb = environment->lmdb;
    char path[64];
    struct descriptors_standard standard;
    /* By the descriptor of the directory, so that it is the one that was examined. */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", opening->directory);
    int code = lmdb->mdb_env_create(&environment->env);
    if (code != 0)
        return code;
    lmdb->mdb_env_set_assert(environment->env, trap_spring);
    lmdb->mdb_env_set_maxdbs(environment->env, TABLE_COUNT);
    lmdb->mdb_env_set_maxreaders(environment->env, READERS_LIMIT);
    lmdb->mdb_env_set_mapsize(environment->env, (size_t)environment->data_size);
    descriptors_occupy_standard(&standard);
    code = lmdb->mdb_env_open(environment->env, path, MDB_NOTLS | MDB_NOSYNC, 0600);
    descriptors_free_standard(&standard);
    return code;
}

static int open_in_trap(void *closure)
{
    struct opening *opening = closure;
    int code = open_files(opening);
    if (code == 0)
        code = learn_files(opening);
    if (code == 0)
        code = open_tables(opening);
    if (code == MDB_READERS_FULL) {
        reader_clear_dead(opening->environment);
        code = open_tables(opening);
    }
    return code == 0 ? reader_prepare(opening->environment, READERS_AT_ONCE) : code;
}

/* ---- the whole ---- */

static struct environment *new_environment(struct cache *cache, const struct opening *opening,
                                           uint64_t limit)
{
    struct environment *environment =
        aligned_alloc(_Alignof(struct environment), sizeof(struct environment));
    if (!environment)
        return NULL;
    memset(environment, 0, sizeof(*environment));
    environment->cache = cache;
    environment->lmdb = late_lmdb();
    environment->data_fd = environment->meta_fd = environment->lock_fd = -1;
    environment->data_size = (off_t)opening->map_size;
    environment->page_size = (size_t)sysconf(_SC_PAGESIZE);
    environment->limit = limit;
    for (unsigned i = 0; i < ENVIRONMENT_READERS; i++)
        environment->readers[i].environment = environment;
    return environment;
}

static void give_up(struct environment *environment)
{
    /* What failed an assertion, or was given descriptors that are not its own, is left alone. */
    if (environment->env && !environment->is_stuck) {
        reader_shut_all(environment);
        environment->lmdb->mdb_env_close(environment->env);
    }
    free(environment);
}

static enum cache_status refuse_code(struct cache *cache, int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        return cache_refuse(cache, CACHE_FULL, "The disk has no room for the cache.");
    case MDB_READERS_FULL:
        return cache_refuse(cache, CACHE_UNAVAILABLE, "Too many processes use the cache.");
    case EMFILE:
    case ENFILE:
        return cache_refuse(cache, CACHE_UNAVAILABLE, "No file descriptor is left for the cache.");
    case ENOMEM:
        return cache_refuse(cache, CACHE_UNAVAILABLE, "No memory is left for the cache.");
    default:
        return cache_refuse(cache, CACHE_UNAVAILABLE, "LMDB cannot open the cache.");
    }
}

/* One try. *code is LMDB's, for who might try again with new files. */
static enum cache_status attempt(struct cache *cache, struct opening *opening, uint64_t limit,
                                 int *code)
{
    struct environment *environment = new_environment(cache, opening, limit);
    *code = ENOMEM;
    if (!environment)
        return refuse_code(cache, *code);
    opening->environment = environment;
    *code = trap_run(open_in_trap, opening);
    if (*code != 0) {
        bool is_damaged = environment_status(environment, *code) == CACHE_UNAVAILABLE &&
                          atomic_load(&environment->is_damaged);
        give_up(environment);
        return is_damaged ? CACHE_ABSENT : refuse_code(cache, *code);
    }
    environment->next = cache->environments;
    cache->environments = environment;
    atomic_store(&cache->environment, environment);
    return CACHE_OK;
}

static enum cache_status open_new(struct cache *cache, struct opening *opening, uint64_t limit)
{
    int code;
    if (!make_files(opening->directory))
        return errno == ENOSPC || errno == EDQUOT
                   ? refuse_code(cache, ENOSPC)
                   : cache_refuse(cache, CACHE_UNAVAILABLE,
                                  "The cache's directory cannot be written.");
    opening->is_new = true;
    enum cache_status status = attempt(cache, opening, limit, &code);
    if (status != CACHE_OK) {
        remove_files(opening->directory);
        return status == CACHE_ABSENT ? refuse_code(cache, code) : status;
    }
    return CACHE_OK;
}

enum cache_status environment_open(struct cache *cache, int directory, bool create)
{
    uint64_t limit = limits_share(directory, cache->config.max_size);
    struct opening opening = {.directory = directory, .map_size = limits_round_up(limit)};
    int code;
    if (!late_lmdb())
        return cache_refuse(cache, CACHE_UNAVAILABLE, "liblmdb.so.0 cannot be loaded.");
    if (!shared_boot_id(opening.boot_id))
        return cache_refuse(cache, CACHE_UNAVAILABLE, "/proc is not mounted.");
    enum files files = examine_files(&opening);
    if (files == FILES_REFUSED)
        return cache_refuse(cache, CACHE_UNAVAILABLE,
                            "The cache's files are not this user's alone.");
    if (!limits_allow_file(opening.map_size) || !limits_allow_map(opening.map_size))
        return cache_refuse(cache, CACHE_UNAVAILABLE, CACHE_LIMITS_REASON);
    if (files == FILES_SOUND) {
        enum cache_status status = attempt(cache, &opening, limit, &code);
        if (status != CACHE_ABSENT)
            return status;
        files = FILES_DAMAGED;
    }
    if (!create)
        return cache_refuse(cache, CACHE_ABSENT, "There is no cache yet.");
    if (files == FILES_DAMAGED)
        shared_note_remade(cache);
    return open_new(cache, &opening, limit);
}
