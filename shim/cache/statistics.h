/*
 * Statistics: counters in the mapped file `shared`, one addition each, no lock. They are a help for
 * people, kept as well as can be: without a cache nothing is counted. Thread-safe, never waits.
 */
#ifndef VCACHE_CACHE_STATISTICS_H
#define VCACHE_CACHE_STATISTICS_H

#include "cache/cache.h"

enum verdict {
#define VERDICT(id, group, name, meaning) VERDICT_##id,
#include "cache/verdicts.def"
#undef VERDICT
    VERDICT_COUNT
};

enum verdict_group {
    GROUP_HIT,
    GROUP_MISS,
    GROUP_BYPASS,
    GROUP_KEPT,
    GROUP_EVENT,
    GROUP_CONNECTION
};

struct verdict_info {
    enum verdict_group group;
    const char *name;
    const char *meaning;
};

/* Indexed by enum verdict. */
extern const struct verdict_info verdict_infos[VERDICT_COUNT];

#define STATISTICS_OPERATIONS 1152 /* numbers of operations (operation.h) that have counters */

struct statistics_operation {
    uint64_t hits;
    uint64_t misses;
    uint64_t bypasses;
    uint64_t bytes_saved;    /* of answers' bodies */
    uint64_t time_saved_us;  /* what the origin took for the answers that hits repeated */
    uint64_t origin_time_us; /* what the origin took for the forwarded ones */
};

struct statistics {
    uint64_t verdicts[VERDICT_COUNT];
    struct statistics_operation operations[STATISTICS_OPERATIONS];
    uint64_t zeroed_at; /* seconds since the epoch */
};

void statistics_count(struct cache *cache, enum verdict verdict);
void statistics_count_many(struct cache *cache, enum verdict verdict, uint64_t times);

/* One exchange of the operation `number`: adds each field of `delta`. */
void statistics_add(struct cache *cache, unsigned number, const struct statistics_operation *delta);

/* A copy of all counters. */
enum cache_status statistics_get(struct cache *cache, struct statistics *statistics);

enum cache_status statistics_zero(struct cache *cache);

#endif
