/* select and its kin while answers wait: see wait_parts.h. */
#include "front/wait_parts.h"

#include <string.h>

#define EXPORT __attribute__((visibility("default")))

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

static struct timespec timespec_of(const struct timeval *time)
{
    return (struct timespec){time->tv_sec, time->tv_usec * 1000};
}

/* In milliseconds. */
static uint64_t limit_of(const struct select_call *call)
{
    struct timespec limit = {0};
    if (call->is_pselect ? !call->timespec : !call->timeval)
        return STANDIN_ENDLESS;
    limit = call->is_pselect ? *call->timespec : timespec_of(call->timeval);
    return wait_milliseconds(&limit);
}

static bool select_sleeps(const struct select_call *call)
{
    return limit_of(call) != 0;
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

static bool has_descriptor(const fd_set *set, int fd)
{
    return set && (((const unsigned long *)set)[fd / WORD_BITS] & bit_of(fd));
}

/* The next descriptor of the set after `fd` with an answer, or -1. */
static int next_answer(fd_set *set, int count, int fd)
{
    for (fd++; fd < count; fd++) {
        if (*word_of(set, fd) == 0)
            fd |= WORD_BITS - 1;
        else if ((*word_of(set, fd) & bit_of(fd)) && wait_has_answer(fd))
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
    uint64_t begun_us = wait_begins(call->timespec);
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
            left = wait_left(*call->timespec, begun_us);
            rest.timespec = &left;
        }
    }
}

/* Of the descriptors that are waited for until they can be written to. */
struct unready_sets {
    bool has_any;
    bool may_sleep;
    fd_set reads;      /* what is waited for until it is readable, with those */
    fd_set moved;      /* that are waited for so in place of it */
    fd_set limited;    /* that may be waited for until then: */
    uint64_t until_ms; /* the first of them */
};

static void add_unready(const struct select_call *call, struct unready_sets *sets, int fd,
                        const struct unready *unready)
{
    sets->has_any = true;
    if (unready->waits_to_read) {
        *word_of(call->writes, fd) &= ~bit_of(fd);
        *word_of(&sets->moved, fd) |= bit_of(fd);
        *word_of(&sets->reads, fd) |= bit_of(fd);
    }
    if (unready->until_ms < UNREADY_ENDLESS)
        *word_of(&sets->limited, fd) |= bit_of(fd);
    if (unready->until_ms < sets->until_ms)
        sets->until_ms = unready->until_ms;
}

static void take_unready(const struct select_call *call, struct unready_sets *sets)
{
    struct unready unready;
    *sets = (struct unready_sets){.may_sleep = select_sleeps(call), .until_ms = UNREADY_ENDLESS};
    copy_set(&sets->reads, call->reads, call->count);
    for (int fd = 0; fd < call->count; fd++)
        if (has_descriptor(call->writes, fd) && unready_find(fd, &unready))
            add_unready(call, sets, fd, &unready);
}

/* With no more time than until then. */
static int select_until(const struct select_call *call, uint64_t until_ms)
{
    uint64_t left_ms = wait_left_until(until_ms);
    struct timespec left = {(time_t)(left_ms / 1000), (long)(left_ms % 1000) * 1000000};
    struct timeval same = {left.tv_sec, left.tv_nsec / 1000};
    struct select_call bounded = *call;
    if (until_ms == UNREADY_ENDLESS || limit_of(call) <= left_ms)
        return select_now_or_sleep(call);
    if (call->is_pselect)
        bounded.timespec = &left;
    else
        bounded.timeval = &same;
    uint64_t begun_us = wait_begins(call->timeval);
    int ready = select_now_or_sleep(&bounded);
    if (call->timeval) {
        left = wait_left(timespec_of(call->timeval), begun_us);
        *call->timeval = (struct timeval){left.tv_sec, left.tv_nsec / 1000};
    }
    return ready;
}

/* Adds what they say to the program's sets, and to the number that is returned. When the call fails
 * its sets are as they were (select(2)). */
static int put_back(const struct select_call *call, const struct unready_sets *sets, int reported)
{
    bool was_in_vain = reported == 0 && sets->may_sleep;
    int ready = reported;
    for (int fd = 0; fd < call->count; fd++) {
        bool is_readable = reported > 0 && has_descriptor(&sets->reads, fd);
        bool was_moved = has_descriptor(&sets->moved, fd);
        bool was_read = has_descriptor(call->reads, fd);
        bool is_late = was_in_vain && has_descriptor(&sets->limited, fd);
        if ((was_moved && (is_readable || reported < 0)) || is_late)
            *word_of(call->writes, fd) |= bit_of(fd);
        ready += (was_moved && is_readable && was_read) + is_late;
        if (was_read && !is_readable && reported >= 0)
            *word_of(call->reads, fd) &= ~bit_of(fd);
    }
    return ready;
}

/* As unready.h has it. */
static int select_unready(const struct select_call *call)
{
    struct unready_sets sets;
    struct select_call other = *call;
    if (atomic_load(&unready_count) == 0 || !call->writes || call->count > FD_SETSIZE)
        return select_now_or_sleep(call);
    take_unready(call, &sets);
    if (!sets.has_any)
        return select_now_or_sleep(call);
    other.reads = &sets.reads;
    return put_back(call, &sets, select_until(&other, sets.until_ms));
}

static uint64_t selected_descriptors(const struct select_call *call)
{
    uint64_t descriptors = 0;
    for (int fd = 0; call->reads && fd < call->count; fd++)
        if (*word_of(call->reads, fd) & bit_of(fd))
            descriptors |= SLEEPS_ON(fd);
    return descriptors;
}

/* How long the program waits until it is connected. */
static void note_selected(const struct select_call *call)
{
    int descriptors = 0;
    if (atomic_load(&standin_awaited) == 0 || !call->writes)
        return;
    for (int fd = 0; fd < call->count; fd++)
        descriptors += has_descriptor(call->writes, fd) || has_descriptor(call->reads, fd);
    for (int fd = 0; fd < call->count; fd++)
        if (has_descriptor(call->writes, fd))
            await_note(fd, &(struct standin_wait){.limit_ms = limit_of(call),
                                                  .is_alone = descriptors == 1});
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

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's names are reserved */

EXPORT int select(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
                  struct timeval *timeout)
{
    if (wait_is_idle())
        return libc_real()->select(count, reads, writes, excepts, timeout);
    return wait_select(&(struct select_call){
        .count = count, .reads = reads, .writes = writes, .excepts = excepts, .timeval = timeout});
}

EXPORT int pselect(int count, fd_set *reads, fd_set *writes, fd_set *excepts,
                   const struct timespec *timeout, const sigset_t *mask)
{
    if (wait_is_idle())
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
