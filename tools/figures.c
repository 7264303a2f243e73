/* Figures: see figures.h. */
#include "figures.h"

#include "base/late.h"
#include "exchange/operation.h"

#include <stdlib.h>
#include <string.h>

uint64_t operation_requests(const struct operation_figures *operation)
{
    return operation->counts.hits + operation->counts.misses + operation->counts.bypasses;
}

const char *group_name(enum verdict_group group)
{
    static const char *const names[GROUP_COUNT] = {
        [GROUP_HIT] = "hit",   [GROUP_MISS] = "miss",   [GROUP_BYPASS] = "bypass",
        [GROUP_KEPT] = "kept", [GROUP_EVENT] = "event", [GROUP_CONNECTION] = "connection"};
    return names[group];
}

static void add(struct statistics_operation *sum, const struct statistics_operation *more)
{
    sum->hits += more->hits;
    sum->misses += more->misses;
    sum->bypasses += more->bypasses;
    sum->bytes_saved += more->bytes_saved;
    sum->time_saved_us += more->time_saved_us;
    sum->origin_time_us += more->origin_time_us;
}

static void take_operation(struct figures *figures, unsigned number, const char *name,
                           const char *class)
{
    if (number >= STATISTICS_OPERATIONS)
        return;
    struct operation_figures one = {name, class, figures->statistics.operations[number]};
    add(&figures->total, &one.counts);
    if (operation_requests(&one) > 0 && figures->operation_count < STATISTICS_OPERATIONS)
        figures->operations[figures->operation_count++] = one;
}

/* Most requests first, then by name, so that the order is always the same. */
static int compare(const void *a, const void *b)
{
    const struct operation_figures *left = a;
    const struct operation_figures *right = b;
    uint64_t left_requests = operation_requests(left);
    uint64_t right_requests = operation_requests(right);
    if (left_requests != right_requests)
        return left_requests < right_requests ? 1 : -1;
    return strcmp(left->name, right->name);
}

static void sum_up(struct figures *figures)
{
    for (int i = 0; i < VERDICT_COUNT; i++)
        figures->groups[verdict_infos[i].group] += figures->statistics.verdicts[i];
    figures->requests =
        figures->groups[GROUP_HIT] + figures->groups[GROUP_MISS] + figures->groups[GROUP_BYPASS];
    take_operation(figures, 0, "(unknown)", operation_class_name(OPERATION_UNKNOWN));
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);
        take_operation(figures, operation->number, operation->name,
                       operation_class_name(operation->class));
    }
    qsort(figures->operations, figures->operation_count, sizeof(figures->operations[0]), compare);
}

bool figures_gather(struct figures *figures, const struct config *config, struct cache *cache)
{
    memset(figures, 0, sizeof(*figures));
    memcpy(figures->directory, config->directory, sizeof(figures->directory));
    figures->extent.limit = config->max_size;
    figures->missing = late_missing();
    figures->is_present = cache != NULL;
    if (cache && (cache_extent(cache, &figures->extent) != CACHE_OK ||
                  statistics_get(cache, &figures->statistics) != CACHE_OK))
        return false;
    sum_up(figures);
    return true;
}
