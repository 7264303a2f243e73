/*
 * Measuring: a clock, medians, and workers. A worker is a process that makes as many calls as it is
 * told and says how long they took, so that two ways of doing the same can be measured in turns,
 * on the same machine in the same state.
 */
#ifndef VCACHE_BENCH_MEASURE_H
#define VCACHE_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

double now_ns(void);

/* The decimal number at the start of `text`; 0 if there is none. */
long number_in(const char *text);

/* Sorts the values. */
double median(double *values, size_t count);

/* ---- in the worker ---- */

/* Makes `calls` calls and says in *ns how long they took, preparations left out. */
typedef bool worker_calls(void *closure, unsigned calls, double *ns);

/* Says that it is ready, with a number for the driver, then works until standard input ends.
 * False: a call failed. */
bool worker_serve(long detail, worker_calls *make, void *closure);

/* ---- in the driver ---- */

struct worker {
    pid_t process;
    FILE *orders;
    FILE *results;
    long detail; /* what it said when it was ready */
};

/* Starts argv[0], with the shim preloaded unless `preload` is NULL; returns when it is ready. */
bool worker_start(struct worker *worker, const char *preload, const char *const *argv);

/* Nanoseconds a call; negative if it failed. */
double worker_run(struct worker *worker, unsigned calls);

/* False if the worker failed, or what it checks at its end was not as it should be. */
bool worker_end(struct worker *worker);

/* Two ways, measured in turns: all are medians. */
struct contest {
    double base_ns; /* the time of a call */
    double other_ns;
    double ratio; /* of the two batches of a round, as is the difference */
    double added_ns;
};

/* One batch of either way; nanoseconds a call, negative if it failed. */
typedef double contest_batch(void *closure, bool is_other);

/* `rounds` batches of each; on false it could not be measured. */
bool contest_run(struct contest *contest, unsigned rounds, contest_batch *batch, void *closure);

/* The same with a worker for each way, both on one processor. */
bool contest_of_workers(struct contest *contest, unsigned rounds, unsigned calls,
                        struct worker *base, struct worker *other);

#endif
