/* Collapsing: see collapse.h. Byte 0 of `locks` is the gate's (gate.h). */
#include "cache/collapse.h"

#include "base/clock.h"
#include "cache/directory.h"
#include "cache/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_FIRST_NS 500000
#define PAUSE_LAST_NS 8000000

/* Two keys that share a byte wait for each other, which costs time and nothing else. */
static struct flock lock_of(const struct cache_key *key, short type)
{
    uint64_t bits;
    memcpy(&bits, key->id, sizeof(bits));
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(bits >> 2 | 1), .l_len = 1};
}

/* The list is what a forked child knows the claims of its parent by; a claim that finds no room on
 * it is as good a claim. */
static void enlist(struct cache *cache, int fd)
{
    for (int i = 0; i < CACHE_CLAIMS; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&cache->claims[i], &none, fd + 1))
            return;
    }
}

static void delist(struct cache *cache, int fd)
{
    for (int i = 0; i < CACHE_CLAIMS; i++) {
        int listed = fd + 1;
        if (atomic_compare_exchange_strong(&cache->claims[i], &listed, 0))
            return;
    }
}

static bool is_locks(int fd, uint64_t inode)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == inode;
}

/* F_OFD_GETLK asks without taking, so that those who wait do not wait for each other too. */
static bool wait_until_free(int fd, const struct cache_key *key, uint64_t bound_ms)
{
    uint64_t until = clock_milliseconds() + bound_ms;
    for (long pause = PAUSE_FIRST_NS;; pause = pause < PAUSE_LAST_NS ? pause * 2 : pause) {
        struct flock lock = lock_of(key, F_WRLCK);
        if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
            return false;
        if (lock.l_type == F_UNLCK)
            return true;
        if (clock_milliseconds() >= until)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

enum claim_result claim_take(struct cache *cache, const struct cache_key *key, uint64_t bound_ms,
                             struct claim *claim)
{
    struct stat status;
    *claim = CLAIM_NONE;
    int fd = cache->is_privileged
                 ? -1
                 : directory_open_file(AT_FDCWD, cache->locks_path, O_RDWR, &status);
    if (fd < 0)
        return CLAIM_REFUSED;
    struct flock lock = lock_of(key, F_WRLCK);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        *claim = (struct claim){fd, status.st_ino, atomic_load(&cache->forks)};
        enlist(cache, fd);
        return CLAIM_HELD;
    }
    bool is_taken = errno == EAGAIN || errno == EACCES;
    bool is_free = is_taken && bound_ms > 0 && wait_until_free(fd, key, bound_ms);
    close(fd);
    return is_free ? CLAIM_WAITED : CLAIM_REFUSED;
}

void claim_release(struct cache *cache, struct claim *claim)
{
    bool is_own = claim->fd >= 0 && claim->forks == atomic_load(&cache->forks);
    if (is_own)
        delist(cache, claim->fd);
    if (is_own && is_locks(claim->fd, claim->inode)) {
        /* By name, for a child made without fork handlers may share the open file. */
        struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
        fcntl(claim->fd, F_OFD_SETLK, &lock);
        close(claim->fd);
    }
    *claim = CLAIM_NONE;
}

void claim_disown_all(struct cache *cache)
{
    struct stat locks;
    atomic_fetch_add(&cache->forks, 1);
    bool is_known = stat(cache->locks_path, &locks) == 0;
    for (int i = 0; i < CACHE_CLAIMS; i++) {
        int fd = atomic_exchange(&cache->claims[i], 0) - 1;
        if (fd >= 0 && is_known && is_locks(fd, locks.st_ino))
            close(fd);
    }
}
