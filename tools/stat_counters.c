/* vcache-stat --print-stats: one line a counter. The names are those of the log and do not change.
 */
#include "stat_forms.h"

#include <inttypes.h>
#include <stdio.h>

static void line(const char *name, uint64_t value)
{
    printf("%s\t%" PRIu64 "\n", name, value);
}

static void print_operation(const struct operation_figures *operation)
{
    const struct statistics_operation *counts = &operation->counts;
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"hits", counts->hits},
        {"misses", counts->misses},
        {"bypasses", counts->bypasses},
        {"bytes_saved", counts->bytes_saved},
        {"time_saved_us", counts->time_saved_us},
        {"origin_time_us", counts->origin_time_us},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        printf("operation.%s.%s\t%" PRIu64 "\n", operation->name, lines[i].name, lines[i].value);
}

void print_counters(const struct figures *figures, bool with_operations)
{
    line("cache_size_bytes", figures->extent.used);
    line("cache_limit_bytes", figures->extent.limit);
    line("responses", figures->extent.responses);
    line("sessions", figures->extent.sessions);
    line("counting_since", figures->statistics.zeroed_at);
    line("requests", figures->requests);
    line("hits", figures->groups[GROUP_HIT]);
    line("misses", figures->groups[GROUP_MISS]);
    line("bypasses", figures->groups[GROUP_BYPASS]);
    line("bytes_saved", figures->total.bytes_saved);
    line("time_saved_us", figures->total.time_saved_us);
    line("origin_time_us", figures->total.origin_time_us);
    for (int i = 0; i < VERDICT_COUNT; i++)
        printf("%s.%s\t%" PRIu64 "\n", group_name(verdict_infos[i].group), verdict_infos[i].name,
               figures->statistics.verdicts[i]);
    for (size_t i = 0; with_operations && i < figures->operation_count; i++)
        print_operation(&figures->operations[i]);
}
