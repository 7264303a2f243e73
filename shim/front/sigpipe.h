/*
 * SIGPIPE: a write to a peer that is gone raises it, and most programs die of it. What is written
 * on our own account must not; one that was pending before stays so.
 *
 * Of the calling thread only; may be nested. errno is kept.
 */
#ifndef VCACHE_FRONT_SIGPIPE_H
#define VCACHE_FRONT_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
    sigset_t mask;
    bool was_pending; /* one of the program's own */
};

/* None is raised in this thread until sigpipe_restore. */
void sigpipe_hush(struct sigpipe *sigpipe);
void sigpipe_restore(const struct sigpipe *sigpipe);

#endif
