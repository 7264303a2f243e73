/*
 * poll, select and their kin while answers wait: see wake.h.
 *
 * If one of the descriptors has an answer, the real function is asked with no time to wait, so that
 * it reports the others as well, and the answer's descriptor is added to what it says. What the
 * real function reports and is nothing for the program (wake_is_noise) is taken out again. That a
 * connection has ended is not said while an answer waits on it: the program would not read it.
 */
#include "front/await.h"
#include "front/python.h"
#include "front/unready.h"

#include "base/clock.h"

#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Also true of an epoll instance that holds one: it may be polled like any descriptor. */
static bool has_answer(int fd)
{
    const struct wake *wake = wake_of(fd);
    return wake || epoll_has_answer(fd);
}

static bool is_idle(void)
{
    return wake_is_idle() && atomic_load_explicit(&standin_awaited, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&python_waiting, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&unready_count, memory_order_relaxed) == 0;
}

static uint64_t milliseconds_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)(time->tv_nsec + 999999) / 1000000;
}

/* ---- poll ---- */

enum poll_kind { POLL, POLL_CHK, PPOLL, PPOLL_CHK };

struct poll_call {
    enum poll_kind kind;
    struct pollfd *fds;
    nfds_t count;
    int milliseconds;
    const struct timespec *timeout;
    const sigset_t *mask;
    size_t size;
    const void *caller; /* where poll returns to */
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

static bool poll_sleeps(const struct poll_call *call)
{
    if (call->kind == POLL || call->kind == POLL_CHK)
        return call->milliseconds != 0;
    return !call->timeout || call->timeout->tv_sec != 0 || call->timeout->tv_nsec != 0;
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
        if (polls_for_reading(&call->fds[i]) && has_answer(call->fds[i].fd))
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
        if (!polls_for_reading(polled) || !has_answer(polled->fd))
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

/* What is left of a time to wait that began then. */
static struct timespec time_left(struct timespec whole, uint64_t begun_us)
{
    int64_t left = whole.tv_sec * INT64_C(1000000) + whole.tv_nsec / 1000 -
                   (int64_t)(clock_microseconds() - begun_us);
    if (left < 0)
        left = 0;
    return (struct timespec){left / 1000000, left % 1000000 * 1000};
}

/* When a wait of limited time begins; the clock is asked for no other. */
static uint64_t time_of_beginning(bool is_limited)
{
    return is_limited ? clock_microseconds() : 0;
}

/* Again, with the time that is left. */
static int poll_rest(const struct poll_call *call, uint64_t begun_us)
{
    struct poll_call rest = *call;
    struct timespec whole = {call->milliseconds / 1000, call->milliseconds % 1000 * 1000000L};
    struct timespec left = time_left(call->timeout ? *call->timeout : whole, begun_us);
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
    uint64_t begun_us = time_of_beginning(call->timeout || call->milliseconds > 0);
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

static bool is_unready(const struct pollfd *polled)
{
    return (polled->events & POLLED_FOR_WRITING) && unready_is(polled->fd);
}

/* What is not ready to be written to is waited for until it is readable (unready.h). */
static int poll_unready(const struct poll_call *call)
{
    struct pollfd fds[UNREADY_AT_ONCE];
    struct poll_call other = *call;
    if (atomic_load(&unready_count) == 0 || call->count > UNREADY_AT_ONCE)
        return poll_now_or_sleep(call);
    other.fds = fds;
    other.size = sizeof(fds);
    for (nfds_t i = 0; i < call->count; i++) {
        fds[i] = call->fds[i];
        if (is_unready(&fds[i]))
            fds[i].events = (short)((fds[i].events & ~POLLED_FOR_WRITING) | POLLIN);
    }
    int ready = poll_now_or_sleep(&other);
    for (nfds_t i = 0; i < call->count && ready >= 0; i++) {
        struct pollfd *polled = &call->fds[i];
        polled->revents = fds[i].revents;
        if (fds[i].events != polled->events && (polled->revents & POLLIN))
            polled->revents = (short)((polled->revents & ~POLLIN) |
                                      (polled->events & (POLLED_FOR_WRITING | POLLIN)));
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
    bool is_by_number = call->kind == POLL || call->kind == POLL_CHK;
    uint64_t limit_ms = is_by_number && call->milliseconds >= 0 ? (uint64_t)call->milliseconds
                        : call->timeout                         ? milliseconds_of(call->timeout)
                                                                : STANDIN_ENDLESS;
    if (atomic_load(&standin_awaited) == 0)
        return;
    for (nfds_t i = 0; i < call->count; i++)
        if (call->fds[i].fd >= 0 && (call->fds[i].events & (POLLOUT | POLLWRNORM)))
            await_note(
                call->fds[i].fd,
                &(struct standin_wait){.limit_ms = limit_ms,
                                       .is_polled = true,
                                       .is_pythons = call->count == 1 &&
                                                     call->fds[i].events == (POLLOUT | POLLERR)});
}

/* CPython's ssl module waits for a connection that is under way: see python.h. */
static bool polls_for_python(const struct poll_call *call)
{
    return atomic_load(&python_waiting) > 0 && call->count == 1 && call->milliseconds > 0 &&
           call->fds[0].events == POLLOUT &&
           python_polls(call->caller, call->fds[0].fd, (uint64_t)call->milliseconds);
}

static int say_writable(struct pollfd *polled)
{
    polled->revents = POLLOUT;
    return 1;
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
    bool is_for_python = polls_for_python(call);
    int ready = poll_unready(call);
    sleeper_leave(sleeper);
    return ready == 0 && is_for_python ? say_writable(call->fds) : ready;
}

/* ---- select ---- */

enum { WORD_BITS = 8 * sizeof(unsigned long) };

struct select_call {
    bool is_pselect;
    int count;
    fd_set *reads, *writes, *excepts;
    struct timeval *timeval;
    const struct timespec *timespec;
    const sigset_t *mask;
};

static int real_select(const struct select_call *call, bool at_once)
{
    const struct libc *libc = libc_real();
    struct timeval no_time = {0, 0};
    const struct timespec no_time_either = {0, 0};
    if (call->is_pselect)
        return libc->pselect(call->count, call->reads, call->writes, call->excepts,
                             at_once ? &no_time_either : call->timespec, call->mask);
    return libc->select(call->count, call->reads, call->writes, call->excepts,
                        at_once ? &no_time : call->timeval);
}

static bool select_sleeps(const struct select_call *call)
{
    if (call->is_pselect)
        return !call->timespec || call->timespec->tv_sec != 0 || call->timespec->tv_nsec != 0;
    return !call->timeval || call->timeval->tv_sec != 0 || call->timeval->tv_usec != 0;
}

/* By words, not by FD_ISSET: programs pass sets longer than FD_SETSIZE. */
static unsigned long *word_of(fd_set *set, int fd)
{
    return (unsigned long *)set + fd / WORD_BITS;
}

static unsigned long bit_of(int fd)
{
    return 1UL << (fd % WORD_BITS);
}

/* The next descriptor of the set after `fd` with an answer, or -1. */
static int next_answer(fd_set *set, int count, int fd)
{
    for (fd++; fd < count; fd++) {
        if (*word_of(set, fd) == 0)
            fd |= WORD_BITS - 1;
        else if ((*word_of(set, fd) & bit_of(fd)) && has_answer(fd))
            return fd;
    }
    return -1;
}

enum { ANSWERS_AT_ONCE = 64 };

static int answers_among(const struct select_call *call, int *answers)
{
    int found = 0;
    if (atomic_load(&wake_answers) == 0 || !call->reads)
        return 0;
    for (int fd = next_answer(call->reads, call->count, -1); fd >= 0 && found < ANSWERS_AT_ONCE;
         fd = next_answer(call->reads, call->count, fd))
        answers[found++] = fd;
    return found;
}

/* The answers' descriptors, with what else is ready at once. */
static int select_with_answers(const struct select_call *call, const int *answers, int found)
{
    int ready = real_select(call, true);
    for (int i = 0; i < found && ready >= 0; i++) {
        unsigned long *word = word_of(call->reads, answers[i]);
        if (!(*word & bit_of(answers[i])))
            ready++;
        *word |= bit_of(answers[i]);
    }
    return ready;
}

static int select_without_noise(const struct select_call *call, int ready)
{
    for (int fd = 0; call->reads && fd < call->count && ready > 0; fd++)
        if ((*word_of(call->reads, fd) & bit_of(fd)) && wake_is_noise(fd)) {
            *word_of(call->reads, fd) &= ~bit_of(fd);
            ready--;
        }
    return ready;
}

/* The sets, which the real function overwrites. */
struct select_sets {
    fd_set reads, writes, excepts;
};

/* A program's set may be as short as its count allows. */
static void copy_set(fd_set *to, const fd_set *from, int count)
{
    if (to && from)
        memcpy(to, from, (size_t)(count + WORD_BITS - 1) / WORD_BITS * sizeof(unsigned long));
}

static void save_sets(struct select_sets *saved, const struct select_call *call)
{
    copy_set(&saved->reads, call->reads, call->count);
    copy_set(&saved->writes, call->writes, call->count);
    copy_set(&saved->excepts, call->excepts, call->count);
}

static void restore_sets(const struct select_sets *saved, const struct select_call *call)
{
    copy_set(call->reads, &saved->reads, call->count);
    copy_set(call->writes, &saved->writes, call->count);
    copy_set(call->excepts, &saved->excepts, call->count);
}

/* As above. Sets longer than usual are not copied, and their noise is let through. */
static int select_now_or_sleep(const struct select_call *call)
{
    int answers[ANSWERS_AT_ONCE];
    struct select_sets saved;
    struct select_call rest = *call;
    struct timespec left;
    uint64_t begun_us = time_of_beginning(call->timespec);
    unsigned gaps = standin_mark_gaps();
    bool may_filter = call->count > 0 && call->count <= FD_SETSIZE;
    if (may_filter)
        save_sets(&saved, call);
    for (;;) {
        int found = answers_among(call, answers);
        if (found > 0)
            return select_with_answers(call, answers, found);
        int reported = real_select(&rest, false);
        if (reported <= 0 || !may_filter)
            return reported;
        /* What has ended is not told from what is readable. */
        if (!standin_was_gap(&gaps)) {
            if (atomic_load(&wake_count) == 0)
                return reported;
            int ready = select_without_noise(call, reported);
            if (ready > 0 || !select_sleeps(call))
                return ready;
        }
        restore_sets(&saved, call);
        /* select itself writes back what is left of its time. */
        if (call->timespec) {
            left = time_left(*call->timespec, begun_us);
            rest.timespec = &left;
        }
    }
}

static bool has_descriptor(fd_set *set, int fd)
{
    return set && (*word_of(set, fd) & bit_of(fd));
}

/* Moves the unready ones from the set for writing to that for reading, and notes which. */
static int take_unready(const struct select_call *call, fd_set *reads, fd_set *unready)
{
    int found = 0;
    FD_ZERO(reads);
    FD_ZERO(unready);
    copy_set(reads, call->reads, call->count);
    for (int fd = 0; fd < call->count; fd++)
        if (has_descriptor(call->writes, fd) && unready_is(fd)) {
            *word_of(call->writes, fd) &= ~bit_of(fd);
            *word_of(unready, fd) |= bit_of(fd);
            *word_of(reads, fd) |= bit_of(fd);
            found++;
        }
    return found;
}

/* As poll_unready. When the call fails its sets are as they were (select(2)). */
static int select_unready(const struct select_call *call)
{
    fd_set reads, unready;
    struct select_call other = *call;
    if (atomic_load(&unready_count) == 0 || !call->writes || call->count > FD_SETSIZE ||
        take_unready(call, &reads, &unready) == 0)
        return select_now_or_sleep(call);
    other.reads = &reads;
    int reported = select_now_or_sleep(&other);
    int ready = reported;
    for (int fd = 0; fd < call->count; fd++) {
        bool is_readable = reported > 0 && has_descriptor(&reads, fd);
        if (has_descriptor(&unready, fd) && (is_readable || reported < 0))
            *word_of(call->writes, fd) |= bit_of(fd);
        if (has_descriptor(&unready, fd) && is_readable && has_descriptor(call->reads, fd))
            ready++;
        if (has_descriptor(call->reads, fd) && !is_readable && reported >= 0)
            *word_of(call->reads, fd) &= ~bit_of(fd);
    }
    return ready;
}

static uint64_t selected_descriptors(const struct select_call *call)
{
    uint64_t descriptors = 0;
    for (int fd = 0; call->reads && fd < call->count; fd++)
        if (*word_of(call->reads, fd) & bit_of(fd))
            descriptors |= SLEEPS_ON(fd);
    return descriptors;
}

static void note_selected(const struct select_call *call)
{
    uint64_t limit_ms = STANDIN_ENDLESS;
    if (atomic_load(&standin_awaited) == 0 || !call->writes)
        return;
    if (call->timespec)
        limit_ms = milliseconds_of(call->timespec);
    else if (call->timeval)
        limit_ms = milliseconds_of(
            &(struct timespec){call->timeval->tv_sec, call->timeval->tv_usec * 1000});
    for (int fd = 0; fd < call->count; fd++)
        if (*word_of(call->writes, fd) & bit_of(fd))
            await_note(fd, &(struct standin_wait){.limit_ms = limit_ms});
}

static int wait_select(const struct select_call *call)
{
    note_selected(call);
    if (!select_sleeps(call))
        return select_unready(call);
    struct sleeper *sleeper =
        sleepers_matter() ? sleeper_enter(selected_descriptors(call), -1) : NULL;
    int ready = select_unready(call);
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
    if (is_idle())
        return libc_real()->poll(fds, count, timeout);
    return wait_poll(&(struct poll_call){.kind = POLL,
                                         .fds = fds,
                                         .count = count,
                                         .milliseconds = timeout,
                                         .caller = __builtin_return_address(0)});
}

EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    /* A count past the buffer's end is for the real function to complain of. */
    if (is_idle() || size / sizeof(*fds) < count)
        return libc_real()->__poll_chk(fds, count, timeout, size);
    return wait_poll(&(struct poll_call){.kind = POLL_CHK,
                                         .fds = fds,
                                         .count = count,
                                         .milliseconds = timeout,
                                         .size = size,
                                         .caller = __builtin_return_address(0)});
}

EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (is_idle())
        return libc_real()->ppoll(fds, count, timeout, mask);
    return wait_poll(&(struct poll_call){
        .kind = PPOLL, .fds = fds, .count = count, .timeout = timeout, .mask = mask});
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                       const sigset_t *mask, size_t size)
{
    if (is_idle() || size / sizeof(*fds) < count)
        return libc_real()->__ppoll_chk(fds, count, timeout, mask, size);
    return wait_poll(&(struct poll_call){.kind = PPOLL_CHK,
                                         .fds = fds,
                                         .count = count,
                                         .timeout = timeout,
                                         .mask = mask,
                                         .size = size});
}

EXPORT int select(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
                  struct timeval *timeout)
{
    if (is_idle())
        return libc_real()->select(count, reads, writes, excepts, timeout);
    return wait_select(&(struct select_call){
        .count = count, .reads = reads, .writes = writes, .excepts = excepts, .timeval = timeout});
}

EXPORT int pselect(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
                   const struct timespec *timeout, const sigset_t *mask)
{
    if (is_idle())
        return libc_real()->pselect(count, reads, writes, excepts, timeout, mask);
    return wait_select(&(struct select_call){.is_pselect = true,
                                             .count = count,
                                             .reads = reads,
                                             .writes = writes,
                                             .excepts = excepts,
                                             .timespec = timeout,
                                             .mask = mask});
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
