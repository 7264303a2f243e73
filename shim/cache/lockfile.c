/* The lock file: see lockfile.h. The layout is that of lock version 1 (mdb.c: MDB_txninfo). */
#include "cache/lockfile.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_MAGIC 0xBEEFC0DE
#define LOCK_FORMAT 0x10001
#define LINE 64
#define OWNER_DIED 0x40000000 /* futex(2), FUTEX_OWNER_DIED: LMDB recovers from it */

struct lock_head {
    uint32_t magic;
    uint32_t format;
    pthread_mutex_t readers_mutex;
    size_t transaction;
    unsigned reader_count;
    _Alignas(LINE) pthread_mutex_t writer_mutex;
};

/* What LMDB's mutexes are: shared between processes, and robust. */
static int expected_kind(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    int kind = mutex.__data.__kind;
    pthread_mutex_destroy(&mutex);
    pthread_mutexattr_destroy(&attributes);
    return kind;
}

static bool has_died(const pthread_mutex_t *mutex)
{
    return ((unsigned)mutex->__data.__lock & OWNER_DIED) != 0;
}

static bool mutex_is_sound(const pthread_mutex_t *mutex, int kind)
{
    return mutex->__data.__kind == kind && (mutex->__data.__lock == 0 || has_died(mutex));
}

static bool read_head(int fd, struct lock_head *head)
{
    return pread(fd, head, sizeof(*head), 0) == (ssize_t)sizeof(*head) && head->magic == LOCK_MAGIC;
}

bool lockfile_has_mutexes(int fd)
{
    struct lock_head head;
    int kind = expected_kind();
    return read_head(fd, &head) &&
           (head.format != LOCK_FORMAT ||
            (head.readers_mutex.__data.__kind == kind && head.writer_mutex.__data.__kind == kind));
}

bool lockfile_is_sound(int fd, size_t last_transaction)
{
    struct lock_head head;
    struct stat status;
    if (fstat(fd, &status) != 0 || !read_head(fd, &head))
        return false;
    if (head.format != LOCK_FORMAT)
        return true;
    /* A writer that died may have committed, and not have said so here yet. */
    bool is_last = last_transaction == LOCKFILE_ANY_TRANSACTION ||
                   head.transaction == last_transaction ||
                   (has_died(&head.writer_mutex) && head.transaction + 1 == last_transaction);
    int kind = expected_kind();
    return is_last && mutex_is_sound(&head.readers_mutex, kind) &&
           mutex_is_sound(&head.writer_mutex, kind) &&
           head.reader_count <= ((size_t)status.st_size - sizeof(head)) / LINE;
}
