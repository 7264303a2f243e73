/*
 * The speed of vcache, in one table. Every figure is measured in turns with what it is compared to,
 * and is a median. Speed is measured, never tested: the exit status says only whether it could be.
 *
 *     bench BUILD-DIRECTORY TEMPORARY-DIRECTORY ENTRIES
 */
#include "measure.h"
#include "table.h"

#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KB ((size_t)1000)
#define MB ((size_t)1000000)

static struct {
    const char *build;
    const char *directory;
    char shim[PATH_MAX];
    char nowhere[PATH_MAX];
    char cache[PATH_MAX];
} at;

static const char *program(const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/tests/%s", at.build, name);
    return path;
}

/* ---- (a) a hit ------------------------------------------------------------------------------- */

enum { FEW = 1000 }; /* entries of the small cache */

struct hit_figure {
    const char *name;
    const char *worker; /* NULL: of OpenSSL */
    size_t size;
    unsigned variants; /* different requests */
    unsigned calls;    /* a batch */
    unsigned rounds;
    bool is_new;        /* to the process */
    double ratio_limit; /* 0: none */
    double ns_limit;    /* 0: none */
};

static const struct hit_figure among_few[] = {
    {"1 KB", NULL, 1 * KB, 64, 64, 300, false, 12, 10e3},
    /* So many that the process has forgotten each (exchange/memo.h) when it comes again. No limit:
     * expat alone takes more than half of it, 6 µs for such a request without a handler. */
    {"1 KB, requests new to the process", NULL, 1 * KB, 4096, 64, 300, true, 0, 0},
    {"100 KB", NULL, 100 * KB, 16, 16, 200, false, 2.5, 0},
    {"5 MB", NULL, 5 * MB, 4, 2, 100, false, 2.5, 0},
    {"libcurl, 1 KB", "bench/curl_hit", 1 * KB, 64, 64, 300, false, 0, 0},
    {"libcurl, 100 KB", "bench/curl_hit", 100 * KB, 16, 16, 200, false, 2.5, 0},
    {"libcurl, 5 MB", "bench/curl_hit", 5 * MB, 4, 2, 100, false, 0, 0},
    {0},
};

static const struct hit_figure among_many[] = {
    {"1 KB", NULL, 1 * KB, 64, 64, 300, false, 0, 0},
    {"100 KB", NULL, 100 * KB, 16, 16, 200, false, 2.5, 0},
    {"5 MB", NULL, 5 * MB, 4, 2, 100, false, 2.5, 0},
    {"libcurl, 100 KB", "bench/curl_hit", 100 * KB, 16, 16, 200, false, 2.5, 0},
    {0},
};

static bool run_fill(long entries)
{
    char path[PATH_MAX];
    char number[32];
    int status;
    pid_t process;
    const char *const arguments[] = {program("bench/fill", path), number, NULL};
    snprintf(number, sizeof(number), "%ld", entries);
    table_tell("filling the cache with %ld entries", entries);
    return posix_spawn(&process, path, NULL, NULL, (char *const *)(const void *)arguments,
                       environ) == 0 &&
           waitpid(process, &status, 0) == process && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The worker of the hits says how long an answer is; the floor copies as much. */
static bool contest_of_hits(const struct hit_figure *figure, const struct worker *origin,
                            struct contest *contest)
{
    struct worker hit;
    struct worker base = {.process = -1};
    char hit_path[PATH_MAX];
    char base_path[PATH_MAX];
    char port[32];
    char size[32];
    char answer_size[32];
    char variants[32];
    const char *const hit_arguments[] = {
        program(figure->worker ? figure->worker : "bench/hit", hit_path), port, size, variants,
        NULL};
    const char *const base_arguments[] = {program("bench/floor", base_path), at.cache, answer_size,
                                          variants, NULL};
    snprintf(port, sizeof(port), "%ld", origin->detail);
    snprintf(size, sizeof(size), "%zu", figure->size);
    snprintf(variants, sizeof(variants), "%u", figure->variants);
    bool is_measured = worker_start(&hit, at.shim, hit_arguments);
    snprintf(answer_size, sizeof(answer_size), "%ld", hit.detail);
    is_measured = is_measured && worker_start(&base, NULL, base_arguments) &&
                  contest_of_workers(contest, figure->rounds, figure->calls, &base, &hit);
    is_measured = worker_end(&base) && is_measured;
    return worker_end(&hit) && is_measured;
}

static void print_hit(const struct hit_figure *figure, long entries, const struct contest *contest)
{
    char what[64];
    char ratio[32];
    char limit[64] = "";
    bool has_ratio = figure->ratio_limit > 0;
    bool has_ns = figure->ns_limit > 0;
    size_t used = 0;
    if (has_ratio)
        used = (size_t)snprintf(limit, sizeof(limit), "%.3g x", figure->ratio_limit);
    if (has_ns)
        snprintf(limit + used, sizeof(limit) - used, "%s%.0f µs", has_ratio ? ", " : "",
                 figure->ns_limit / 1e3);
    snprintf(ratio, sizeof(ratio), "%.2f x", contest->ratio);
    snprintf(what, sizeof(what), "%s, a cache of %ld entries", figure->name, entries);
    table_row(figure->is_new ? figure->name : what, contest->base_ns, contest->other_ns, ratio,
              limit,
              (!has_ratio || contest->ratio <= figure->ratio_limit) &&
                  (!has_ns || contest->other_ns <= figure->ns_limit));
}

static bool measure_hits_among(const struct worker *origin, const struct hit_figure *figures,
                               long entries, long more)
{
    struct contest contest;
    if (!run_fill(more))
        return table_complain("a hit");
    for (const struct hit_figure *figure = figures; figure->name; figure++) {
        table_tell("measuring hits: %s", figure->name);
        if (!contest_of_hits(figure, origin, &contest))
            return table_complain("a hit");
        print_hit(figure, entries, &contest);
    }
    return true;
}

static bool measure_hits(long entries)
{
    struct worker origin;
    char path[PATH_MAX];
    const char *const arguments[] = {program("bench/origin", path), NULL};
    table_title("(a) a hit; floor: XXH3-128, mdb_get, memcpy", "floor", "vcache", "ratio");
    bool is_measured =
        (worker_start(&origin, NULL, arguments) || table_complain("a hit")) &&
        measure_hits_among(&origin, among_few, FEW, FEW) &&
        (entries <= FEW || measure_hits_among(&origin, among_many, entries, entries - FEW));
    worker_end(&origin);
    return is_measured;
}

/* ---- (f) a whole conversation ------------------------------------------------------------ */

/* With the shim its connection does not exist. `other_port`: of who is asked without it. */
static bool contest_of_wholes(const struct worker *origin, long other_port, const char *verify,
                              struct contest *contest)
{
    struct worker with;
    struct worker without = {.process = -1};
    char path[PATH_MAX];
    char port[32];
    const char *const arguments[] = {program("bench/whole", path), port, "1000", verify, NULL};
    snprintf(port, sizeof(port), "%ld", origin->detail);
    bool is_measured = worker_start(&with, at.shim, arguments);
    snprintf(port, sizeof(port), "%ld", other_port);
    is_measured = is_measured && worker_start(&without, NULL, arguments) &&
                  contest_of_workers(contest, 100, 16, &with, &without);
    is_measured = worker_end(&without) && is_measured;
    return worker_end(&with) && is_measured;
}

static bool measure_wholes_against(const struct worker *origin, long other_port, const char *who)
{
    static const struct {
        const char *what;
        const char *verify;
        double limit;
    } figures[] = {{"not verified", NULL, 20}, {"verified", "verify", 5}};
    struct contest contest;
    char what[64];
    char ratio[32];
    char limit[32];
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        snprintf(what, sizeof(what), "%s, %s", who, figures[i].what);
        table_tell("measuring conversations: %s", what);
        if (!contest_of_wholes(origin, other_port, figures[i].verify, &contest))
            return table_complain("a whole conversation");
        snprintf(ratio, sizeof(ratio), "%.1f x", contest.ratio);
        snprintf(limit, sizeof(limit), ">= %.0f x", figures[i].limit);
        table_row(what, contest.base_ns, contest.other_ns, ratio, limit,
                  contest.ratio >= figures[i].limit);
    }
    return true;
}

static bool measure_wholes(void)
{
    struct worker origin;
    struct worker nginx = {.process = -1};
    char path[PATH_MAX];
    char port[32];
    char directory[PATH_MAX];
    const char *const origin_arguments[] = {program("bench/origin", path), NULL};
    const char *const nginx_arguments[] = {getenv("BENCH_NGINX"), port, directory, NULL};
    table_title("(f) connect, handshake, a hit of 1 KB, close", "vcache", "without", "ratio");
    snprintf(directory, sizeof(directory), "%s/nginx", at.directory);
    bool is_started = worker_start(&origin, NULL, origin_arguments);
    snprintf(port, sizeof(port), "%ld", origin.detail);
    is_started = is_started && nginx_arguments[0] && worker_start(&nginx, NULL, nginx_arguments);
    bool is_measured = (is_started || table_complain("a whole conversation")) &&
                       measure_wholes_against(&origin, origin.detail, "the origin itself") &&
                       measure_wholes_against(&origin, nginx.detail, "nginx that caches");
    worker_end(&nginx);
    worker_end(&origin);
    return is_measured;
}

/* ---- (b) a miss ------------------------------------------------------------------------------ */

static bool contest_of_misses(const struct worker *vcenter, const char *kind, unsigned rounds,
                              struct contest *contest)
{
    struct worker with;
    struct worker without = {.process = -1};
    char path[PATH_MAX];
    char port[32];
    const char *const arguments[] = {
        program("bench/miss", path), kind, port, "administrator@vsphere.local",
        "vcache-Secret-1",           NULL};
    snprintf(port, sizeof(port), "%ld", vcenter->detail);
    bool is_measured = worker_start(&with, at.shim, arguments) &&
                       worker_start(&without, NULL, arguments) &&
                       contest_of_workers(contest, rounds, 1, &without, &with);
    is_measured = worker_end(&without) && is_measured;
    return worker_end(&with) && is_measured;
}

struct miss_figure {
    const char *what;
    const char *kind;  /* see miss.c */
    const char *delay; /* what the vCenter takes for an answer beside its computing */
    unsigned rounds;
    bool is_limited;
    bool is_among_many; /* in the cache of the hits, else in one of its own */
};

/* A vCenter takes from tens to hundreds of milliseconds for such answers. The one that answers as
 * fast as a simulator can compute shows what the shim itself takes. */
static const struct miss_figure miss_figures[] = {
    {"inventory of 150 VMs, vCenter takes 20 ms", "view", "20ms", 200, true, false},
    {"summaries of 100 VMs, vCenter takes 20 ms", "each", "20ms", 200, true, false},
    {"inventory of 150 VMs, at once", "view", "0ms", 600, false, false},
    {"summaries of 100 VMs, at once", "each", "0ms", 600, false, false},
    {"inventory, at once, in the cache of (a)", "view", "0ms", 600, false, true},
};

static bool measure_miss(const struct miss_figure *figure)
{
    static const double limit = 1.03;
    struct worker vcenter;
    struct contest contest;
    char path[PATH_MAX];
    char directory[PATH_MAX];
    char ratio[32];
    const char *const arguments[] = {
        program("vcenter", path), "--dir", directory, "--vms", "150", "--delay", figure->delay,
        "--die-with-stdin",       NULL};
    table_tell("measuring misses: %s", figure->what);
    snprintf(directory, sizeof(directory), "%s/misses", at.directory);
    setenv("VCACHE_DIR", figure->is_among_many ? at.cache : directory, 1);
    snprintf(directory, sizeof(directory), "%s/vcenter", at.directory);
    bool is_measured = worker_start(&vcenter, NULL, arguments) &&
                       contest_of_misses(&vcenter, figure->kind, figure->rounds, &contest);
    worker_end(&vcenter);
    if (!is_measured)
        return table_complain("a miss");
    snprintf(ratio, sizeof(ratio), "%.3f x", contest.ratio);
    table_row(figure->what, contest.base_ns, contest.other_ns, ratio,
              figure->is_limited ? "1.03 x" : "", contest.ratio <= limit);
    return true;
}

static bool measure_misses(void)
{
    table_title("(b) a miss; base: the same without the shim", "without", "vcache", "ratio");
    for (size_t i = 0; i < sizeof(miss_figures) / sizeof(miss_figures[0]); i++)
        if (!measure_miss(&miss_figures[i]))
            return false;
    return true;
}

/* ---- (c) exec -------------------------------------------------------------------------------- */

static double exec_batch(void *closure, bool is_other)
{
    enum { TIMES = 8 };
    static char true_path[] = "/bin/true";
    static char path[] = "PATH=/usr/bin:/bin";
    char *preload = closure;
    char *const arguments[] = {true_path, NULL};
    char *const environment[] = {path, is_other ? preload : NULL, NULL};
    double begun = now_ns();
    for (int i = 0; i < TIMES; i++) {
        pid_t process;
        int status;
        if (posix_spawn(&process, true_path, NULL, NULL, arguments, environment) != 0 ||
            waitpid(process, &status, 0) != process || status != 0)
            return -1;
    }
    return (now_ns() - begun) / TIMES;
}

static bool measure_exec(void)
{
    static const double limit = 1.25;
    struct contest contest;
    char preload[PATH_MAX + 16];
    char ratio[32];
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", at.shim);
    table_title("(c) exec of /bin/true; base: no preload", "without", "vcache", "ratio");
    table_tell("measuring exec");
    if (!contest_run(&contest, 300, exec_batch, preload))
        return table_complain("exec");
    snprintf(ratio, sizeof(ratio), "%.3f x", contest.ratio);
    table_row("posix_spawn and waitpid", contest.base_ns, contest.other_ns, ratio, "1.25 x",
              contest.ratio <= limit);
    return true;
}

/* ---- (d) a connection that is not vSphere ---------------------------------------------------- */

enum { FOREIGN_PAIRS = 9 };

struct foreign_figure {
    const char *worker;
    const char *call; /* see there */
    const char *what;
    unsigned calls;  /* a batch */
    double limit_ns; /* 0: none */
};

/* At the kernel, or, if `is_nowhere`, where libc's calls cost nothing (nowhere.h). */
static bool contest_of_foreign(const struct foreign_figure *figure, bool is_nowhere,
                               struct contest *contest)
{
    struct worker with;
    struct worker without = {.process = -1};
    char path[PATH_MAX];
    char both[sizeof(at.shim) + sizeof(at.nowhere)];
    const char *const arguments[] = {program(figure->worker, path), figure->call,
                                     is_nowhere ? "nowhere" : NULL, NULL};
    snprintf(both, sizeof(both), "%s:%s", at.shim, at.nowhere);
    bool is_measured = worker_start(&with, is_nowhere ? both : at.shim, arguments) &&
                       worker_start(&without, is_nowhere ? at.nowhere : NULL, arguments) &&
                       contest_of_workers(contest, 40, figure->calls, &without, &with);
    is_measured = worker_end(&without) && is_measured;
    return worker_end(&with) && is_measured;
}

/* Where a process's memory happens to lie is worth some nanoseconds: many processes are asked. */
static bool measure_call(const struct foreign_figure *figure, bool is_nowhere)
{
    struct contest contest;
    double base[FOREIGN_PAIRS];
    double other[FOREIGN_PAIRS];
    double added[FOREIGN_PAIRS];
    char text[32];
    char limit[32] = "";
    table_tell("measuring %s", figure->what);
    for (int i = 0; i < FOREIGN_PAIRS; i++) {
        if (!contest_of_foreign(figure, is_nowhere, &contest))
            return table_complain(figure->what);
        base[i] = contest.base_ns;
        other[i] = contest.other_ns;
        added[i] = contest.added_ns;
    }
    double added_ns = median(added, FOREIGN_PAIRS);
    snprintf(text, sizeof(text), "%+.1f ns", added_ns);
    if (figure->limit_ns > 0)
        snprintf(limit, sizeof(limit), "+%.0f ns", figure->limit_ns);
    table_row(figure->what, median(base, FOREIGN_PAIRS), median(other, FOREIGN_PAIRS), text, limit,
              added_ns <= figure->limit_ns);
    return true;
}

static bool measure_calls(const struct foreign_figure *figures, bool is_nowhere)
{
    for (; figures->worker; figures++)
        if (!measure_call(figures, is_nowhere))
            return false;
    return true;
}

/* What is added to libc's calls is judged where they are no system calls. Of one, it is a few parts
 * in a thousand, and differs more between two processes; where the kernel keeps its pages apart,
 * any function in between costs ten nanoseconds, for the processor has to look up its page anew. */
static bool measure_foreign(void)
{
    static const struct foreign_figure of_openssl[] = {
        {"bench/foreign", "SSL_read", "SSL_read of a byte already decrypted", 16000, 20},
        {"bench/foreign", "SSL_write", "SSL_write of a byte, to nowhere", 16000, 20},
        {0},
    };
    static const struct foreign_figure nowhere[] = {
        {"bench/foreign", "poll", "poll, but for the kernel", 16000, 5},
        {"bench/foreign", "send", "send, but for the kernel", 16000, 5},
        {"bench/foreign", "recv", "recv, but for the kernel", 16000, 5},
        {"bench/foreign", "read", "read, but for the kernel", 16000, 5},
        {"bench/foreign", "write", "write, but for the kernel", 16000, 5},
        {0},
    };
    static const struct foreign_figure of_kernel[] = {
        {"bench/foreign", "poll", "poll of its descriptor", 16000, 0},
        {"bench/foreign", "send", "send on it", 16000, 0},
        {"bench/foreign", "recv", "recv on it", 16000, 0},
        {"bench/foreign", "read", "read, of /dev/null", 16000, 0},
        {"bench/foreign", "write", "write, to /dev/null", 16000, 0},
        {0},
    };
    table_title("(d) a call of a connection that is not vSphere", "without", "vcache", "added");
    return measure_calls(of_openssl, false) && measure_calls(nowhere, true) &&
           measure_calls(of_kernel, false);
}

static bool measure_foreign_curl(void)
{
    static const struct foreign_figure figures[] = {
        {"bench/curl_foreign", "file", "curl_easy_perform of an empty file", 400, 1000},
        {"bench/curl_foreign", "refused", "curl_easy_perform at a port of nobody's", 100, 1000},
        {"bench/curl_foreign", "option", "curl_easy_setopt of a number", 16000, 0},
        {0},
    };
    table_title("(e) a call of libcurl that is not vSphere", "without", "vcache", "added");
    return measure_calls(figures, false);
}

/* ---------------------------------------------------------------------------------------------- */

/* Whatever the caller uses vcache for stays out of it. */
static void set_environment(void)
{
    static const char *const unwanted[] = {
        "LD_PRELOAD",       "VCACHE_DISABLE", "VCACHE_HOSTS",        "VCACHE_LOG",
        "VCACHE_LOG_LEVEL", "VCACHE_FENCE",   "VCACHE_SESSION_IDLE", "SSLKEYLOGFILE"};
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
        unsetenv(unwanted[i]);
    setenv("VCACHE_DIR", at.cache, 1);
    setenv("VCACHE_TTL", "86400", 1);
    setenv("VCACHE_MAX_SIZE", "16G", 1);
    setenv("GOGC", "1000", 1); /* the tests' vCenter is steadier when it seldom collects garbage */
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    at.build = arguments[1];
    at.directory = arguments[2];
    snprintf(at.shim, sizeof(at.shim), "%s/libvcache.so", at.build);
    snprintf(at.nowhere, sizeof(at.nowhere), "%s/tests/bench/nowhere.so", at.build);
    snprintf(at.cache, sizeof(at.cache), "%s/cache", at.directory);
    signal(SIGPIPE, SIG_IGN);
    set_environment();
    puts("Medians of batches taken in turns; ratios and differences are medians of neighbours'.");
    bool is_measured = measure_hits(number_in(arguments[3]));
    is_measured = measure_misses() && is_measured;
    is_measured = measure_exec() && is_measured;
    is_measured = measure_foreign() && is_measured;
    is_measured = measure_foreign_curl() && is_measured;
    is_measured = measure_wholes() && is_measured;
    if (table_over() > 0)
        printf("\n%u over their limits.\n", table_over());
    else if (is_measured)
        puts("\nEverything is within its limits.");
    return is_measured ? 0 : 1;
}
