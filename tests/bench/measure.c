/* Measuring: see measure.h. */
#include "measure.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

long number_in(const char *text)
{
    return strtol(text, NULL, 10);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- in the worker --------------------------------------------------------------------------- */

bool worker_serve(long detail, worker_calls *make, void *closure)
{
    char line[32];
    double ns;
    printf("%ld\n", detail);
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        if (!make(closure, (unsigned)number_in(line), &ns))
            return false;
        printf("%.0f\n", ns);
        fflush(stdout);
    }
    return true;
}

/* ---- in the driver --------------------------------------------------------------------------- */

/* In the child. Ends it with the driver, however that ends. */
static void become(const char *preload, const char *const *argv, int orders, int results)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(orders, STDIN_FILENO) < 0 || dup2(results, STDOUT_FILENO) < 0)
        _exit(127);
    if (preload)
        setenv("LD_PRELOAD", preload, 1);
    /* execv wants pointers to what it promises not to change. */
    execv(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

/* A number, or what a server says: an address and a port. */
static bool read_detail(struct worker *worker)
{
    char line[256];
    if (!fgets(line, sizeof(line), worker->results))
        return false;
    const char *colon = strrchr(line, ':');
    worker->detail = number_in(colon ? colon + 1 : line);
    return true;
}

bool worker_start(struct worker *worker, const char *preload, const char *const *argv)
{
    int orders[2];
    int results[2];
    *worker = (struct worker){.process = -1};
    if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(results, O_CLOEXEC) < 0)
        return false;
    worker->process = fork();
    if (worker->process == 0)
        become(preload, argv, orders[0], results[1]);
    close(orders[0]);
    close(results[1]);
    worker->orders = fdopen(orders[1], "w");
    worker->results = fdopen(results[0], "r");
    return worker->process > 0 && worker->orders && worker->results && read_detail(worker);
}

double worker_run(struct worker *worker, unsigned calls)
{
    char line[64];
    fprintf(worker->orders, "%u\n", calls);
    fflush(worker->orders);
    return fgets(line, sizeof(line), worker->results) ? strtod(line, NULL) / calls : -1;
}

bool worker_end(struct worker *worker)
{
    int status = -1;
    if (worker->orders)
        fclose(worker->orders);
    if (worker->process > 0)
        waitpid(worker->process, &status, 0);
    if (worker->results)
        fclose(worker->results);
    *worker = (struct worker){.process = -1};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The batches of a round are neighbours in time: compared with each other, not with those of
 * another round, when the machine may have been in another state. */
static void compare_rounds(struct contest *contest, double *base, double *other, double *compared,
                           unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        compared[i] = other[i] / base[i];
    contest->ratio = median(compared, rounds);
    for (unsigned i = 0; i < rounds; i++)
        compared[i] = other[i] - base[i];
    contest->added_ns = median(compared, rounds);
    contest->base_ns = median(base, rounds);
    contest->other_ns = median(other, rounds);
}

bool contest_run(struct contest *contest, unsigned rounds, contest_batch *batch, void *closure)
{
    double *base = calloc(rounds, sizeof(*base));
    double *other = calloc(rounds, sizeof(*other));
    double *compared = calloc(rounds, sizeof(*compared));
    bool is_measured = base && other && compared;
    for (unsigned i = 0; is_measured && i < rounds; i++) {
        /* Who comes first takes turns, too: whatever the first does for the second evens out. */
        bool is_other_first = i % 2;
        double first = batch(closure, is_other_first);
        double second = batch(closure, !is_other_first);
        is_measured = first > 0 && second > 0;
        base[i] = is_other_first ? second : first;
        other[i] = is_other_first ? first : second;
    }
    if (is_measured)
        compare_rounds(contest, base, other, compared, rounds);
    free(base);
    free(other);
    free(compared);
    return is_measured;
}

struct workers {
    struct worker *base;
    struct worker *other;
    unsigned calls;
};

static double batch_of_workers(void *closure, bool is_other)
{
    const struct workers *workers = closure;
    return worker_run(is_other ? workers->other : workers->base, workers->calls);
}

/* Two processors are seldom equally fast, least of all those of a virtual machine: both work on the
 * last one that this process may use. */
static void pin(const struct worker *worker)
{
    cpu_set_t allowed;
    cpu_set_t one;
    size_t last = CPU_SETSIZE - 1;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return;
    while (last > 0 && !CPU_ISSET(last, &allowed))
        last--;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    sched_setaffinity(worker->process, sizeof(one), &one);
}

bool contest_of_workers(struct contest *contest, unsigned rounds, unsigned calls,
                        struct worker *base, struct worker *other)
{
    struct workers workers = {base, other, calls};
    pin(base);
    pin(other);
    return contest_run(contest, rounds, batch_of_workers, &workers);
}
