/* The file `shared`: see shared.h. */
#include "cache/shared.h"

#include "base/clock.h"
#include "cache/directory.h"
#include "cache/fork.h"
#include "cache/key.h"
#include "cache/limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define SHARED_MAGIC 0x6465726168736376 /* "vcshared" */
/* Of the layout: when it changes the number grows, and an older vcache leaves the file alone. */
#define SHARED_FORMAT 3
#define MAPPINGS_LIMIT 64 /* a directory that is replaced that often is not worth mapping again */
#define NIBBLES (SHARED_BOOT_ID * 2UL)
#define RETRY_MS 1000
#define COMPARE_MS                                                                                 \
    20 /* between two looks at the path by readers that were not asked to be strict */

_Static_assert(VERDICT_COUNT <= SHARED_VERDICTS, "the file has room for every verdict");
_Static_assert(sizeof(struct shared_slot) == 256, "a slot is four cache lines");
_Static_assert(sizeof(struct shared_endpoint) == 64, "an endpoint is one cache line");

bool shared_boot_id(uint8_t id[SHARED_BOOT_ID])
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof(text));
    close(fd);
    size_t nibbles = 0;
    memset(id, 0, SHARED_BOOT_ID);
    for (ssize_t i = 0; i < size && nibbles < NIBBLES; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            continue;
        id[nibbles / 2] = (uint8_t)(id[nibbles / 2] << 4 | (digit - digits));
        nibbles++;
    }
    return nibbles == NIBBLES;
}

static uint64_t head_check(const struct shared_head *head)
{
    return key_checksum(head, offsetof(struct shared_head, check));
}

enum finding { USABLE, UNUSABLE, NEWER };

static enum finding examine(int fd, const struct stat *status, const uint8_t *boot_id)
{
    struct shared_head head;
    if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.magic != SHARED_MAGIC ||
        head.check != head_check(&head) || head.is_replaced ||
        memcmp(head.boot_id, boot_id, SHARED_BOOT_ID) != 0 || status->st_size < head.size)
        return UNUSABLE;
    if (head.format > SHARED_FORMAT)
        return NEWER;
    return head.format == SHARED_FORMAT && head.size == sizeof(struct shared) ? USABLE : UNUSABLE;
}

/* Maps and publishes it. The mapping that was current stays, for others may be reading it. */
static enum cache_status adopt(struct cache *cache, int fd, const struct stat *status)
{
    if (atomic_fetch_add(&cache->mapping_count, 1) >= MAPPINGS_LIMIT) {
        atomic_store(&cache->mapping_count, MAPPINGS_LIMIT);
        return cache_refuse(cache, CACHE_UNAVAILABLE, "The cache was replaced too often.");
    }
    struct shared_mapping *mapping = malloc(sizeof(*mapping));
    void *address =
        mapping ? mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                : MAP_FAILED;
    if (address == MAP_FAILED) {
        free(mapping);
        return cache_refuse(cache, CACHE_UNAVAILABLE, "The cache's file cannot be mapped.");
    }
    *mapping = (struct shared_mapping){
        .shared = address, .device = status->st_dev, .inode = status->st_ino};
    const struct shared_mapping *before = atomic_load(&cache->shared);
    if (before)
        fence_carry_over(before->shared, mapping->shared);
    mapping->next = atomic_load(&cache->mappings);
    while (!atomic_compare_exchange_weak(&cache->mappings, &mapping->next, mapping))
        ;
    atomic_store(&cache->shared, mapping);
    atomic_store(&cache->gate.board, &mapping->shared->gate);
    return CACHE_OK;
}

static bool is_current(struct cache *cache, const struct stat *status)
{
    const struct shared_mapping *mapping = atomic_load(&cache->shared);
    return mapping && mapping->device == status->st_dev && mapping->inode == status->st_ino &&
           !atomic_load(&mapping->shared->head.is_replaced);
}

static enum cache_status keep(struct cache *cache)
{
    atomic_store(&cache->gate.board, &atomic_load(&cache->shared)->shared->gate);
    return CACHE_OK;
}

static enum cache_status attach_existing(struct cache *cache, int directory, const uint8_t *boot_id)
{
    struct stat status;
    int fd = directory_open_file(directory, "shared", O_RDWR, &status);
    if (fd < 0)
        return CACHE_ABSENT;
    enum cache_status result = CACHE_ABSENT;
    enum finding finding = examine(fd, &status, boot_id);
    if (finding == NEWER)
        result = cache_refuse(cache, CACHE_UNAVAILABLE, "A newer vcache uses the directory.");
    else if (finding == USABLE)
        result = is_current(cache, &status) ? keep(cache) : adopt(cache, fd, &status);
    close(fd);
    return result;
}

/* Tells who has the old file mapped, should it still be anybody's. */
static void mark_replaced(int directory)
{
    struct stat status;
    uint32_t is_replaced = 1;
    int fd = directory_open_file(directory, "shared", O_RDWR, &status);
    if (fd < 0)
        return;
    if (status.st_size >= (off_t)sizeof(struct shared_head)) {
        ssize_t written = pwrite(fd, &is_replaced, sizeof(is_replaced),
                                 offsetof(struct shared_head, is_replaced));
        (void)written; /* who did not see it compares the file when it matters */
    }
    close(fd);
}

/* Writes a whole file; nothing that was stored under another file's generations can match. */
static bool fill(int fd, const uint8_t *boot_id)
{
    uint64_t generation;
    if (posix_fallocate(fd, 0, sizeof(struct shared)) != 0 ||
        getrandom(&generation, sizeof(generation), GRND_NONBLOCK) != (ssize_t)sizeof(generation))
        return false;
    struct shared *shared = aligned_alloc(_Alignof(struct shared), sizeof(*shared));
    if (!shared)
        return false;
    memset(shared, 0, sizeof(*shared));
    shared->head.magic = SHARED_MAGIC;
    shared->head.format = SHARED_FORMAT;
    shared->head.size = sizeof(*shared);
    memcpy(shared->head.boot_id, boot_id, SHARED_BOOT_ID);
    shared->head.check = head_check(&shared->head);
    for (size_t i = 0; i < sizeof(shared->slots) / sizeof(shared->slots[0]); i++)
        atomic_init(&shared->slots[i].generation, generation >> 2); /* the sum of two fits, too */
    atomic_init(&shared->zeroed_at, (uint64_t)time(NULL));
    bool is_written = pwrite(fd, shared, sizeof(*shared), 0) == (ssize_t)sizeof(*shared);
    free(shared);
    return is_written;
}

void shared_invalidate(struct shared *shared)
{
    /* Whoever knows his origin reads the one, and whoever does not the other. */
    atomic_fetch_add(&shared->slots[SHARED_SLOT_OF_ALL].generation, 1);
    atomic_fetch_add(&shared->slots[SHARED_SLOT_OF_UNKNOWN].generation, 1);
}

void shared_note_remade(struct cache *cache)
{
    struct shared_mapping *mapping = atomic_load(&cache->shared);
    if (!mapping)
        return;
    shared_invalidate(mapping->shared);
    atomic_fetch_add(&mapping->shared->verdicts[VERDICT_REMADE], 1);
}

static enum cache_status make(struct cache *cache, int directory, const uint8_t *boot_id)
{
    struct stat status;
    if (!limits_allow_file(sizeof(struct shared)))
        return cache_refuse(cache, CACHE_UNAVAILABLE, CACHE_LIMITS_REASON);
    unlinkat(directory, "shared.new", 0);
    int fd = directory_open_file(directory, "shared.new", O_RDWR | O_CREAT | O_EXCL, &status);
    if (fd < 0)
        return cache_refuse(cache, CACHE_UNAVAILABLE, "The cache's directory cannot be written.");
    if (!fill(fd, boot_id)) {
        close(fd);
        unlinkat(directory, "shared.new", 0);
        return cache_refuse(cache, CACHE_FULL, "The disk has no room for the cache.");
    }
    mark_replaced(directory);
    bool is_remade = unlinkat(directory, "data.mdb", 0) == 0;
    unlinkat(directory, "lock.mdb", 0);
    enum cache_status result =
        renameat(directory, "shared.new", directory, "shared") == 0
            ? adopt(cache, fd, &status)
            : cache_refuse(cache, CACHE_UNAVAILABLE, "The cache's file cannot be put in place.");
    close(fd);
    if (result == CACHE_OK && is_remade)
        shared_note_remade(cache);
    return result;
}

enum cache_status shared_attach(struct cache *cache, int directory, bool create)
{
    uint8_t boot_id[SHARED_BOOT_ID];
    if (!shared_boot_id(boot_id))
        return cache_refuse(cache, CACHE_UNAVAILABLE, "/proc is not mounted.");
    enum cache_status status = attach_existing(cache, directory, boot_id);
    return status == CACHE_ABSENT && create ? make(cache, directory, boot_id) : status;
}

/* Only the making is put off after a failure: what others made is mapped as soon as it is there. */
static enum cache_status make_at_path(struct cache *cache, int directory)
{
    if (clock_milliseconds() < atomic_load(&cache->shared_retry_at))
        return CACHE_UNAVAILABLE;
    enum cache_status status = gate_enter(&cache->gate, cache->locks_path, true);
    if (status == CACHE_OK) {
        status = shared_attach(cache, directory, true);
        gate_leave(&cache->gate);
    }
    if (status != CACHE_OK)
        atomic_store(&cache->shared_retry_at, clock_milliseconds() + RETRY_MS);
    return status;
}

static enum cache_status attach_at_path(struct cache *cache, bool create)
{
    uint8_t boot_id[SHARED_BOOT_ID];
    const char *reason = NULL;
    int directory;
    enum cache_status status = directory_open(cache->config.directory, create, &directory, &reason);
    if (status != CACHE_OK)
        return cache_refuse(cache, status, reason);
    status =
        shared_boot_id(boot_id) ? attach_existing(cache, directory, boot_id) : CACHE_UNAVAILABLE;
    if (status == CACHE_ABSENT && create)
        status = make_at_path(cache, directory);
    close(directory);
    return status;
}

static bool is_at_path(const struct cache *cache, struct shared_mapping *mapping)
{
    struct stat status;
    atomic_store(&mapping->compared_at, clock_coarse_milliseconds());
    return stat(cache->shared_path, &status) == 0 && status.st_ino == mapping->inode &&
           status.st_dev == mapping->device && status.st_size >= (off_t)sizeof(struct shared);
}

/* The mapping, if it is known to be the one that everybody has. */
static struct shared *current(struct cache *cache, bool strictly)
{
    struct shared_mapping *mapping = atomic_load(&cache->shared);
    if (!mapping)
        return NULL;
    /* First the path: a file that was cut must not be touched. */
    bool is_due =
        strictly || clock_coarse_milliseconds() - atomic_load(&mapping->compared_at) >= COMPARE_MS;
    if ((!is_due || is_at_path(cache, mapping)) && !atomic_load(&mapping->shared->head.is_replaced))
        return mapping->shared;
    atomic_store(&cache->gate.board, NULL);
    return NULL;
}

struct shared *shared_get(struct cache *cache, bool strictly)
{
    struct shared *shared = current(cache, strictly);
    if (shared || cache->is_privileged)
        return shared;
    if (attach_at_path(cache, atomic_load(&cache->may_create)) != CACHE_OK)
        return NULL;
    return atomic_load(&cache->shared)->shared;
}

/* Where there is no cache, a program that connects all the time does not look for one each time. */
struct shared *shared_find(struct cache *cache)
{
    struct shared *shared = current(cache, false);
    if (shared || cache->is_privileged || !cache->config.directory[0] ||
        clock_milliseconds() < atomic_load(&cache->find_again_at))
        return shared;
    if (attach_at_path(cache, false) == CACHE_OK)
        return atomic_load(&cache->shared)->shared;
    atomic_store(&cache->find_again_at, clock_milliseconds() + RETRY_MS);
    return NULL;
}

void shared_unmap_all(struct cache *cache)
{
    struct shared_mapping *mapping = atomic_load(&cache->mappings);
    while (mapping) {
        struct shared_mapping *next = mapping->next;
        munmap(mapping->shared, sizeof(struct shared));
        free(mapping);
        mapping = next;
    }
    atomic_store(&cache->mappings, NULL);
    atomic_store(&cache->shared, NULL);
}
