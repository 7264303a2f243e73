/*
 * The inside of poll and select while answers wait (wake.h): for wait_poll.c and wait_select.c.
 *
 * If one of the descriptors has an answer, the real function is asked with no time to wait, so that
 * it reports the others as well, and the answer's descriptor is added to what it says. What the
 * real function reports and is nothing for the program (wake_is_noise) is taken out again. That a
 * connection has ended is not said while an answer waits on it: the program would not read it.
 *
 * Lock-free but for bounded tries, for poll and select may be called in signal handlers.
 */
#ifndef VCACHE_FRONT_WAIT_PARTS_H
#define VCACHE_FRONT_WAIT_PARTS_H

#include "front/await.h"
#include "front/unready.h"
#include "front/wake.h"

#include <time.h>

/* Whether nothing is to be done here: the usual case, asked by every wait. */
static inline bool wait_is_idle(void)
{
    return wake_is_idle() && atomic_load_explicit(&standin_awaited, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&unready_count, memory_order_relaxed) == 0;
}

/* Also true of an epoll instance that holds one: it may be polled like any descriptor. */
bool wait_has_answer(int fd);

/* Rounded up. */
uint64_t wait_milliseconds(const struct timespec *time);

/* When a wait of limited time begins; the clock is asked for no other. */
uint64_t wait_begins(bool is_limited);
/* What is left of a time to wait that began then. */
struct timespec wait_left(struct timespec whole, uint64_t begun_us);
/* The milliseconds that are left until clock_milliseconds() says so. */
uint64_t wait_left_until(uint64_t until_ms);

#endif
