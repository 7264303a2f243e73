/* vcache-stat for people: what was asked, what became of it and why, what that saved. */
#include "human.h"
#include "stat_forms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LABEL_WIDTH = 24, BAR_WIDTH_LEAST = 8, BAR_WIDTH_MOST = 60, PICTURED_OPERATIONS = 5 };

static void label(const char *text)
{
    printf("%-*s", LABEL_WIDTH, text);
}

static void print_cache(const struct figures *figures)
{
    const struct cache_extent *extent = &figures->extent;
    char used[HUMAN_SIZE];
    char limit[HUMAN_SIZE];
    char share[HUMAN_SIZE];
    label("Cache directory");
    printf("%s\n", figures->directory);
    if (!figures->is_present)
        return;
    label("Cache size");
    printf("%s of %s (%s)\n", human_bytes(extent->used, used), human_bytes(extent->limit, limit),
           human_share(extent->used, extent->limit, share));
    label("Stored");
    printf("%" PRIu64 " response%s, %" PRIu64 " session%s\n", extent->responses,
           extent->responses == 1 ? "" : "s", extent->sessions, extent->sessions == 1 ? "" : "s");
}

static void print_since(const struct figures *figures)
{
    char text[64];
    struct tm local;
    time_t since = (time_t)figures->statistics.zeroed_at;
    if (since == 0 || !localtime_r(&since, &local) ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) == 0)
        return;
    label("Counting since");
    puts(text);
}

/* The reasons that were counted, each with its number. */
static void print_reasons(const struct figures *figures, enum verdict_group group)
{
    for (int i = 0; i < VERDICT_COUNT; i++) {
        const struct verdict_info *info = &verdict_infos[i];
        if (info->group == group && figures->statistics.verdicts[i] > 0)
            printf("    %-*s%10" PRIu64 "   %s\n", LABEL_WIDTH - 4, info->name,
                   figures->statistics.verdicts[i], info->meaning);
    }
}

static void print_group(const struct figures *figures, const char *title, enum verdict_group group)
{
    char share[HUMAN_SIZE];
    uint64_t count = figures->groups[group];
    printf("  %-*s%10" PRIu64 "   %s\n", LABEL_WIDTH - 2, title, count,
           human_share(count, figures->requests, share));
    print_reasons(figures, group);
}

static void print_titled_reasons(const struct figures *figures, const char *title,
                                 enum verdict_group group)
{
    if (figures->groups[group] == 0)
        return;
    printf("%s\n", title);
    print_reasons(figures, group);
}

static void print_saved(const struct figures *figures)
{
    char text[HUMAN_SIZE];
    label("Saved");
    printf("%s of answers", human_bytes(figures->total.bytes_saved, text));
    printf(", %s of waiting for vCenter\n", human_time(figures->total.time_saved_us, text));
    label("Sessions lent");
    printf("%" PRIu64 "\n", figures->statistics.verdicts[VERDICT_SESSION_LENT]);
}

/* Those that were put off and are not known to have been made. */
static void print_connections(const struct figures *figures)
{
    const uint64_t *verdicts = figures->statistics.verdicts;
    uint64_t deferred = verdicts[VERDICT_CONNECT_DEFERRED];
    uint64_t made = verdicts[VERDICT_CONNECT_NEEDED] + verdicts[VERDICT_CONNECT_TOUCHED] +
                    verdicts[VERDICT_CONNECT_CHANGED];
    label("Connections avoided");
    printf("%" PRIu64 "\n", deferred > made ? deferred - made : 0);
}

static void print_picture(const struct figures *figures, const struct screen *screen)
{
    uint64_t parts[BAR_PARTS] = {figures->groups[GROUP_HIT], figures->groups[GROUP_MISS],
                                 figures->groups[GROUP_BYPASS]};
    unsigned width = screen->width - 2 < BAR_WIDTH_MOST ? screen->width - 2 : BAR_WIDTH_MOST;
    fputs("\n  ", stdout);
    screen_bar(screen, width, parts, figures->requests);
    fputs("\n  ", stdout);
    screen_legend(screen);
    fputs("\n\n", stdout);
    print_operations(figures, screen, PICTURED_OPERATIONS);
}

void print_summary(const struct figures *figures, const struct screen *screen)
{
    print_cache(figures);
    if (!figures->is_present) {
        puts("There is no cache yet: it is made when a program first runs under vcache.");
        return;
    }
    print_since(figures);
    printf("%-*s%10" PRIu64 "\n", LABEL_WIDTH, "Requests", figures->requests);
    print_group(figures, "Hits", GROUP_HIT);
    print_group(figures, "Misses", GROUP_MISS);
    print_group(figures, "Bypasses", GROUP_BYPASS);
    print_titled_reasons(figures, "Responses of the origin", GROUP_KEPT);
    print_titled_reasons(figures, "Events", GROUP_EVENT);
    print_titled_reasons(figures, "Connections", GROUP_CONNECTION);
    print_saved(figures);
    print_connections(figures);
    if (screen->is_terminal && figures->requests > 0)
        print_picture(figures, screen);
}

/* The columns of the table of operations: as narrow as the names allow, for the bars' sake. */
static int name_width(const struct figures *figures, size_t shown)
{
    size_t longest = strlen("Operation");
    for (size_t i = 0; i < shown; i++) {
        size_t size = strlen(figures->operations[i].name);
        longest = size > longest ? size : longest;
    }
    return (int)longest;
}

static void print_operation(const struct operation_figures *operation, const struct screen *screen,
                            int width, uint64_t most_requests)
{
    const struct statistics_operation *counts = &operation->counts;
    uint64_t parts[BAR_PARTS] = {counts->hits, counts->misses, counts->bypasses};
    uint64_t requests = operation_requests(operation);
    char share[HUMAN_SIZE];
    char bytes[HUMAN_SIZE];
    char saved[HUMAN_SIZE];
    int used =
        printf("%-*s%10" PRIu64 "%9s%13s%12s", width, operation->name, requests,
               human_share(counts->hits, requests, share), human_bytes(counts->bytes_saved, bytes),
               human_time(counts->time_saved_us, saved));
    if (screen->is_terminal) {
        unsigned room = screen->width > (unsigned)used + 3 ? screen->width - (unsigned)used - 3 : 0;
        fputs(room >= BAR_WIDTH_LEAST ? "  " : "\n  ", stdout);
        screen_bar(screen, room >= BAR_WIDTH_LEAST ? room : screen->width - 3, parts,
                   most_requests);
    }
    putchar('\n');
}

void print_operations(const struct figures *figures, const struct screen *screen, size_t most)
{
    size_t shown = figures->operation_count < most ? figures->operation_count : most;
    if (shown == 0) {
        puts("No operation was requested yet.");
        return;
    }
    int width = name_width(figures, shown);
    printf("%-*s%10s%9s%13s%12s\n", width, "Operation", "requests", "hits", "bytes saved",
           "time saved");
    for (size_t i = 0; i < shown; i++)
        print_operation(&figures->operations[i], screen, width,
                        operation_requests(&figures->operations[0]));
    if (shown < figures->operation_count)
        printf("... and %zu more: --operations=%zu\n", figures->operation_count - shown,
               figures->operation_count);
}
