/*
 * The file `shared`: what all processes read and change without a lock. Fences and generations
 * (fence.h), counters (statistics.h). Its blocks are real from the start, so that touching the
 * mapping cannot fail on a full disk, and its descriptor is closed once it is mapped.
 *
 * Who makes the file anew removes data.mdb first. So as long as a process's data.mdb is still in
 * its directory, the mapping that the process has is the one that everybody has, and a read that
 * ends in the store need not look at the path of `shared` each time (DESIGN, promise 3). Writers
 * look each time; readers now and then, for a directory that was moved away whole.
 */
#ifndef VCACHE_CACHE_SHARED_H
#define VCACHE_CACHE_SHARED_H

#include "cache/handle.h"
#include "cache/statistics.h"

#include <sys/types.h>

#define SHARED_SLOTS 1024 /* of origins that are known; behind them lie two more (fence.c): */
#define SHARED_SLOT_OF_ALL SHARED_SLOTS
#define SHARED_SLOT_OF_UNKNOWN (SHARED_SLOTS + 1)
#define SHARED_WRITERS 17 /* writes under way an origin's slot has room for */
#define SHARED_TASKS 13   /* watched tasks, likewise */
#define SHARED_ENDPOINTS 2048
#define SHARED_PEERS 1024
#define SHARED_VERDICTS 96 /* room for VERDICT_COUNT to grow within one format */
#define SHARED_BOOT_ID 16

/* Of one origin; four cache lines. See fence.c for what the words hold. */
struct shared_slot {
    _Atomic uint64_t generation;
    _Atomic uint64_t held_until;
    _Atomic uint64_t writers[SHARED_WRITERS];
    _Atomic uint64_t tasks[SHARED_TASKS];
};

/* An endpoint and the origin that it was found to be, by their digests (origins.c); a cache line.
 */
struct shared_endpoint {
    _Alignas(64) _Atomic uint64_t endpoint; /* 0: free */
    _Atomic uint64_t origin;
    _Atomic uint64_t before, since;
    _Atomic uint64_t check; /* of the above: whether they are whole */
    _Atomic uint64_t is_disputed;
};

/* An address, by its digest (peers.c). */
struct shared_peer {
    _Atomic uint64_t address; /* 0: free */
    _Atomic uint64_t answered_at;
};

struct shared_operation {
    _Atomic uint64_t hits, misses, bypasses, bytes_saved, time_saved_us, origin_time_us;
};

struct shared_head {
    uint64_t magic;
    uint32_t format;
    uint32_t size; /* of the file */
    uint8_t boot_id[SHARED_BOOT_ID];
    uint64_t check; /* checksum of what is above */
    _Atomic uint32_t is_replaced;
};

/* Padded: the slots begin on lines of their own. */
struct shared { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    struct shared_head head;
    struct gate_board gate;
    _Atomic uint64_t pinned_since; /* clock_milliseconds(), or 0 (store.c) */
    _Alignas(128) struct shared_slot slots[SHARED_SLOTS + 2];
    struct shared_endpoint endpoints[SHARED_ENDPOINTS];
    struct shared_peer peers[SHARED_PEERS];
    _Atomic uint64_t zeroed_at;
    _Atomic uint64_t verdicts[SHARED_VERDICTS];
    struct shared_operation operations[STATISTICS_OPERATIONS];
};

struct shared_mapping {
    struct shared *shared;
    dev_t device;
    ino_t inode;
    _Atomic uint64_t compared_at; /* clock_coarse_milliseconds(): with the path */
    struct shared_mapping *next;
};

/*
 * The mapping, made if there is none or if it is known to be replaced; NULL when it cannot be had.
 * `strictly` also compares it with what lies at the path now. Waits at most for the gate, and only
 * when the file must be made.
 */
struct shared *shared_get(struct cache *cache, bool strictly);

/* The same for who has nothing to write: what is there, or NULL; makes nothing and waits for
 * nothing.
 */
struct shared *shared_find(struct cache *cache);

/*
 * For who is inside the gate: maps what is there, and with `create` makes it anew if it is missing,
 * damaged, of another boot or of an older format. CACHE_ABSENT: nothing usable, and not `create`.
 */
enum cache_status shared_attach(struct cache *cache, int directory, bool create);

/* No stored response stays valid, whatever its origin. */
void shared_invalidate(struct shared *shared);

/* The file was replaced: what fences in `old` fences in `fresh` from now on (fence.c). */
void fence_carry_over(const struct shared *old, struct shared *fresh);

/* The LMDB part was given up for a new one: counts it, and no stored response stays valid. */
void shared_note_remade(struct cache *cache);

void shared_unmap_all(struct cache *cache);

/* The id of the running boot, from the kernel. False where it cannot be had (no /proc). */
bool shared_boot_id(uint8_t id[SHARED_BOOT_ID]);

#endif
