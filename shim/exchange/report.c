/* Reports: one line in the log and one addition to the counters for every decision. No secret comes
 * here: an endpoint, the name of an operation, verdicts and numbers. */
#include "exchange/state.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

static const char *group_name(enum verdict verdict)
{
    static const char *const names[] = {
        [GROUP_HIT] = "hit",   [GROUP_MISS] = "miss",  [GROUP_BYPASS] = "pass",
        [GROUP_KEPT] = "kept", [GROUP_EVENT] = "note", [GROUP_CONNECTION] = "connection"};
    return names[verdict_infos[verdict].group];
}

static unsigned number_of(const struct exchange *x)
{
    return x->asked.operation ? x->asked.operation->number : 0;
}

/* `microseconds` that were measured already; or those since the request was whole, which are only
 * looked up if somebody reads them. */
#define SINCE_BEGUN UINT64_MAX

static void line(const struct exchange *x, enum verdict verdict, uint64_t age_ms, size_t bytes,
                 uint64_t microseconds)
{
    if (!log_wants(LOG_INFO))
        return;
    if (microseconds == SINCE_BEGUN)
        microseconds = clock_microseconds() - x->asked.begun_us;
    log_line(LOG_INFO, "%s %s %s %s age=%" PRIu64 ".%03" PRIu64 " bytes=%zu us=%" PRIu64,
             x->endpoint.name[0] ? x->endpoint.name : "-", x->asked.name[0] ? x->asked.name : "-",
             group_name(verdict), verdict_infos[verdict].name, age_ms / 1000, age_ms % 1000, bytes,
             microseconds);
}

void report_hit(struct exchange *x, enum verdict verdict, uint64_t age_ms, size_t bytes,
                uint64_t saved_us)
{
    const struct statistics_operation delta = {
        .hits = 1, .bytes_saved = bytes, .time_saved_us = saved_us};
    statistics_count(x->context->cache, verdict);
    statistics_add(x->context->cache, number_of(x), &delta);
    line(x, verdict, age_ms, bytes, SINCE_BEGUN);
}

void report_forward(struct exchange *x)
{
    enum verdict verdict = x->asked.verdict;
    struct statistics_operation delta = {0};
    if (verdict_infos[verdict].group == GROUP_MISS)
        delta.misses = 1;
    else
        delta.bypasses = 1;
    statistics_count(x->context->cache, verdict);
    statistics_add(x->context->cache, number_of(x), &delta);
    line(x, verdict, 0, 0, SINCE_BEGUN);
}

void report_time(struct exchange *x, uint64_t origin_us)
{
    const struct statistics_operation delta = {.origin_time_us = origin_us};
    statistics_add(x->context->cache, number_of(x), &delta);
}

void report_kept(struct exchange *x, enum verdict verdict, size_t bytes, uint64_t origin_us)
{
    statistics_count(x->context->cache, verdict);
    line(x, verdict, 0, bytes, origin_us);
}

void report_event(struct exchange *x, enum verdict verdict)
{
    statistics_count(x->context->cache, verdict);
    line(x, verdict, 0, 0, 0);
}
