/*
 * Figures: everything that vcache-stat shows, gathered once, for whichever form it is printed in.
 */
#ifndef VCACHE_TOOLS_FIGURES_H
#define VCACHE_TOOLS_FIGURES_H

#include "base/config.h"
#include "cache/cache.h"
#include "cache/statistics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_COUNT (GROUP_CONNECTION + 1)

struct operation_figures {
    const char *name;
    const char *class;
    struct statistics_operation counts;
};

struct figures {
    char directory[PATH_MAX];
    bool is_present;            /* there is a cache; all is zero otherwise */
    const char *missing;        /* a library that the shim needs and cannot have, or NULL */
    struct cache_extent extent; /* the limit also without a cache */
    struct statistics statistics;
    uint64_t groups[GROUP_COUNT];      /* sums of verdicts */
    uint64_t requests;                 /* hits, misses and bypasses */
    struct statistics_operation total; /* over all operations */
    struct operation_figures operations[STATISTICS_OPERATIONS];
    size_t operation_count; /* those that were requested; most requests first */
};

/* Gathers from `cache`, or nothing but zeros if it is NULL. False when the counters cannot be
 * read. */
bool figures_gather(struct figures *figures, const struct config *config, struct cache *cache);

uint64_t operation_requests(const struct operation_figures *operation);

/* The name of a verdict group in what machines read: "hit", "miss", … */
const char *group_name(enum verdict_group group);

#endif
