/* Statistics: see statistics.h. */
#include "cache/statistics.h"

#include "cache/shared.h"

#include <string.h>
#include <time.h>

const struct verdict_info verdict_infos[VERDICT_COUNT] = {
#define VERDICT(id, group, name, meaning) [VERDICT_##id] = {GROUP_##group, name, meaning},
#include "cache/verdicts.def"
#undef VERDICT
};

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    if (value)
        atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

void statistics_count(struct cache *cache, enum verdict verdict)
{
    statistics_count_many(cache, verdict, 1);
}

void statistics_count_many(struct cache *cache, enum verdict verdict, uint64_t times)
{
    struct shared *shared = shared_get(cache, false);
    if (shared && (unsigned)verdict < VERDICT_COUNT)
        add(&shared->verdicts[verdict], times);
}

void statistics_add(struct cache *cache, unsigned number, const struct statistics_operation *delta)
{
    struct shared *shared = shared_get(cache, false);
    if (!shared || number >= STATISTICS_OPERATIONS)
        return;
    struct shared_operation *operation = &shared->operations[number];
    add(&operation->hits, delta->hits);
    add(&operation->misses, delta->misses);
    add(&operation->bypasses, delta->bypasses);
    add(&operation->bytes_saved, delta->bytes_saved);
    add(&operation->time_saved_us, delta->time_saved_us);
    add(&operation->origin_time_us, delta->origin_time_us);
}

static uint64_t get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

enum cache_status statistics_get(struct cache *cache, struct statistics *statistics)
{
    struct shared *shared = shared_get(cache, true);
    memset(statistics, 0, sizeof(*statistics));
    if (!shared)
        return CACHE_UNAVAILABLE;
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        statistics->verdicts[i] = get(&shared->verdicts[i]);
    for (size_t i = 0; i < STATISTICS_OPERATIONS; i++) {
        struct shared_operation *from = &shared->operations[i];
        statistics->operations[i] = (struct statistics_operation){
            .hits = get(&from->hits),
            .misses = get(&from->misses),
            .bypasses = get(&from->bypasses),
            .bytes_saved = get(&from->bytes_saved),
            .time_saved_us = get(&from->time_saved_us),
            .origin_time_us = get(&from->origin_time_us),
        };
    }
    statistics->zeroed_at = get(&shared->zeroed_at);
    return CACHE_OK;
}

static void zero(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

enum cache_status statistics_zero(struct cache *cache)
{
    struct shared *shared = shared_get(cache, true);
    if (!shared)
        return CACHE_UNAVAILABLE;
    for (size_t i = 0; i < SHARED_VERDICTS; i++)
        zero(&shared->verdicts[i]);
    for (size_t i = 0; i < STATISTICS_OPERATIONS; i++) {
        struct shared_operation *operation = &shared->operations[i];
        zero(&operation->hits);
        zero(&operation->misses);
        zero(&operation->bypasses);
        zero(&operation->bytes_saved);
        zero(&operation->time_saved_us);
        zero(&operation->origin_time_us);
    }
    atomic_store_explicit(&shared->zeroed_at, (uint64_t)time(NULL), memory_order_relaxed);
    return CACHE_OK;
}
