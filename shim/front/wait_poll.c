/* poll and its kin while answers wait: see wait_parts.h. */
#include "front/wait_parts.h"

#include <limits.h>

#define EXPORT __attribute__((visibility("default")))

enum poll_kind { POLL, POLL_CHK, PPOLL, PPOLL_CHK };

struct poll_call {
    enum poll_kind kind;
    struct pollfd *fds;
    nfds_t count;
    int milliseconds;
    const struct timespec *timeout;
    const sigset_t *mask;
    size_t size;
};

static int real_poll(const struct poll_call *call, bool at_once)
{
    static const struct timespec no_time;
    const struct libc *libc = libc_real();
    int milliseconds = at_once ? 0 : call->milliseconds;
    const struct timespec *timeout = at_once ? &no_time : call->timeout;
    switch (call->kind) {
    case POLL:
        return libc->poll(call->fds, call->count, milliseconds);
    case POLL_CHK:
        return libc->__poll_chk(call->fds, call->count, milliseconds, call->size);
    case PPOLL:
        return libc->ppoll(call->fds, call->count, timeout, call->mask);
    case PPOLL_CHK:
        break;
    }
    return libc->__ppoll_chk(call->fds, call->count, timeout, call->mask, call->size);
}

static bool is_by_number(const struct poll_call *call)
{
    return call->kind == POLL || call->kind == POLL_CHK;
}

/* In milliseconds. */
static uint64_t limit_of(const struct poll_call *call)
{
    if (is_by_number(call))
        return call->milliseconds >= 0 ? (uint64_t)call->milliseconds : STANDIN_ENDLESS;
    return call->timeout ? wait_milliseconds(call->timeout) : STANDIN_ENDLESS;
}

static bool poll_sleeps(const struct poll_call *call)
{
    return limit_of(call) != 0;
}

static bool polls_for_reading(const struct pollfd *polled)
{
    return polled->fd >= 0 && (polled->events & (POLLIN | POLLRDNORM));
}

static bool poll_has_answer(const struct poll_call *call)
{
    if (atomic_load(&wake_answers) == 0)
        return false;
    for (nfds_t i = 0; i < call->count; i++)
        if (polls_for_reading(&call->fds[i]) && wait_has_answer(call->fds[i].fd))
            return true;
    return false;
}

enum { POLLED_ENDS = POLLERR | POLLHUP | POLLRDHUP };

static int poll_with_answers(const struct poll_call *call)
{
    int ready = real_poll(call, true);
    if (ready < 0)
        return ready;
    for (nfds_t i = 0; i < call->count; i++) {
        struct pollfd *polled = &call->fds[i];
        if (!polls_for_reading(polled) || !wait_has_answer(polled->fd))
            continue;
        if (polled->revents == 0)
            ready++;
        polled->revents =
            (short)((polled->revents & ~POLLED_ENDS) | (polled->events & (POLLIN | POLLRDNORM)));
    }
    return ready;
}

static int without_noise(const struct poll_call *call, int ready)
{
    for (nfds_t i = 0; i < call->count && ready > 0 && atomic_load(&wake_count) > 0; i++) {
        struct pollfd *polled = &call->fds[i];
        if (!polls_for_reading(polled) || !(polled->revents & POLLIN) || !wake_is_noise(polled->fd))
            continue;
        polled->revents = (short)(polled->revents & ~(POLLIN | POLLRDNORM));
        if (polled->revents == 0)
            ready--;
    }
    return ready;
}

/* Again, with the time that is left. */
static int poll_rest(const struct poll_call *call, uint64_t begun_us)
{
    struct poll_call rest = *call;
    struct timespec whole = {call->milliseconds / 1000, call->milliseconds % 1000 * 1000000L};
    struct timespec left = wait_left(call->timeout ? *call->timeout : whole, begun_us);
    if (call->timeout)
        rest.timeout = &left;
    else if (call->milliseconds > 0)
        rest.milliseconds = (int)(left.tv_sec * 1000 + (left.tv_nsec + 999999) / 1000000);
    return real_poll(&rest, false);
}

static bool poll_tells_of_end(const struct poll_call *call, int ready)
{
    for (nfds_t i = 0; i < call->count && ready > 0; i++)
        if (call->fds[i].revents & (POLLERR | POLLHUP))
            return true;
    return false;
}

/* An answer that was seen may have been read by another thread meanwhile, noise is no reason to
 * wake up, and what is between two connections has not ended: then it goes on. */
static int poll_now_or_sleep(const struct poll_call *call)
{
    uint64_t begun_us = wait_begins(call->timeout || call->milliseconds > 0);
    unsigned gaps = standin_mark_gaps();
    for (bool is_first = true;; is_first = false) {
        bool has_answers = poll_has_answer(call);
        int reported = has_answers ? poll_with_answers(call)
                       : is_first  ? real_poll(call, false)
                                   : poll_rest(call, begun_us);
        if (poll_tells_of_end(call, reported) && standin_was_gap(&gaps))
            continue;
        int ready = reported > 0 ? without_noise(call, reported) : reported;
        bool is_spurious = ready == 0 && (has_answers || reported > 0);
        if (!is_spurious || !poll_sleeps(call))
            return ready;
    }
}

enum { POLLED_FOR_WRITING = POLLOUT | POLLWRNORM, UNREADY_AT_ONCE = 64 };

/* Asks for what is waited for in place of that; until when it may be waited for. */
static uint64_t ask_unready(struct pollfd *polled)
{
    struct unready unready;
    if (!(polled->events & POLLED_FOR_WRITING) || !unready_find(polled->fd, &unready))
        return UNREADY_ENDLESS;
    if (unready.waits_to_read)
        polled->events = (short)((polled->events & ~POLLED_FOR_WRITING) | POLLIN);
    return unready.until_ms;
}

static void end_by(struct poll_call *call, uint64_t until_ms, struct timespec *left)
{
    uint64_t left_ms = wait_left_until(until_ms);
    *left = (struct timespec){(time_t)(left_ms / 1000), (long)(left_ms % 1000) * 1000000};
    if (limit_of(call) <= left_ms)
        return;
    if (is_by_number(call))
        call->milliseconds = left_ms < INT_MAX ? (int)left_ms : INT_MAX;
    else
        call->timeout = left;
}

/* What there is of what the program asked for, by what was asked in its place. */
static short revents_of(const struct pollfd *polled, const struct pollfd *asked)
{
    if (asked->events == polled->events || !(asked->revents & POLLIN))
        return asked->revents;
    return (short)((asked->revents & ~POLLIN) | (polled->events & (POLLED_FOR_WRITING | POLLIN)));
}

/* As unready.h has it. */
static int poll_unready(const struct poll_call *call)
{
    struct pollfd fds[UNREADY_AT_ONCE];
    uint64_t until_ms[UNREADY_AT_ONCE];
    uint64_t first_ms = UNREADY_ENDLESS;
    struct timespec left;
    struct poll_call other = *call;
    if (atomic_load(&unready_count) == 0 || call->count > UNREADY_AT_ONCE)
        return poll_now_or_sleep(call);
    other.fds = fds;
    other.size = sizeof(fds);
    for (nfds_t i = 0; i < call->count; i++) {
        fds[i] = call->fds[i];
        until_ms[i] = ask_unready(&fds[i]);
        first_ms = until_ms[i] < first_ms ? until_ms[i] : first_ms;
    }
    if (first_ms < UNREADY_ENDLESS)
        end_by(&other, first_ms, &left);
    int ready = poll_now_or_sleep(&other);
    bool was_in_vain = ready == 0 && poll_sleeps(call);
    for (nfds_t i = 0; i < call->count && ready >= 0; i++) {
        struct pollfd *polled = &call->fds[i];
        polled->revents = revents_of(polled, &fds[i]);
        if (was_in_vain && until_ms[i] < UNREADY_ENDLESS) {
            polled->revents = (short)(polled->events & POLLED_FOR_WRITING);
            ready++;
        }
    }
    return ready;
}

static uint64_t polled_descriptors(const struct poll_call *call)
{
    uint64_t descriptors = 0;
    for (nfds_t i = 0; i < call->count; i++)
        if (polls_for_reading(&call->fds[i]))
            descriptors |= SLEEPS_ON(call->fds[i].fd);
    return descriptors;
}

/* How long the program waits until it is connected. */
static void note_polled(const struct poll_call *call)
{
    if (atomic_load(&standin_awaited) == 0)
        return;
    for (nfds_t i = 0; i < call->count; i++)
        if (call->fds[i].fd >= 0 && (call->fds[i].events & POLLED_FOR_WRITING))
            await_note(
                call->fds[i].fd,
                &(struct standin_wait){.limit_ms = limit_of(call),
                                       .is_polled = true,
                                       .is_alone = call->count == 1,
                                       .is_pythons = call->count == 1 &&
                                                     call->fds[i].events == (POLLOUT | POLLERR)});
}

static int wait_poll(const struct poll_call *call)
{
    if (!call->fds && call->count > 0)
        return real_poll(call, false);
    note_polled(call);
    if (!poll_sleeps(call))
        return poll_unready(call);
    struct sleeper *sleeper =
        sleepers_matter() ? sleeper_enter(polled_descriptors(call), -1) : NULL;
    int ready = poll_unready(call);
    sleeper_leave(sleeper);
    return ready;
}

/* ---- the hooks ---- */

/* Declared by libc's headers only where a program is compiled with _FORTIFY_SOURCE. */
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size);

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's names are reserved */

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (wait_is_idle())
        return libc_real()->poll(fds, count, timeout);
    return wait_poll(
        &(struct poll_call){.kind = POLL, .fds = fds, .count = count, .milliseconds = timeout});
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    /* A count past the buffer's end is for the real function to complain of. */
    if (wait_is_idle() || size / sizeof(*fds) < count)
        return libc_real()->__poll_chk(fds, count, timeout, size);
    return wait_poll(&(struct poll_call){
        .kind = POLL_CHK, .fds = fds, .count = count, .milliseconds = timeout, .size = size});
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (wait_is_idle())
        return libc_real()->ppoll(fds, count, timeout, mask);
    return wait_poll(&(struct poll_call){
        .kind = PPOLL, .fds = fds, .count = count, .timeout = timeout, .mask = mask});
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size)
{
    if (wait_is_idle() || size / sizeof(*fds) < count)
        return libc_real()->__ppoll_chk(fds, count, timeout, mask, size);
    return wait_poll(&(struct poll_call){.kind = PPOLL_CHK,
                                         .fds = fds,
                                         .count = count,
                                         .timeout = timeout,
                                         .mask = mask,
                                         .size = size});
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
