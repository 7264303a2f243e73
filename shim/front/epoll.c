/*
 * epoll while answers wait: see wake.h.
 *
 * What an instance watches is read from the kernel when it is needed, so registrations made before
 * the first answer, by inherited descriptors or past libc are known too. An edge is reported once
 * for each arrival, and again after EPOLL_CTL_MOD, as the kernel does; a one-shot registration is
 * disarmed in the kernel.
 */
#include "front/await.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

atomic_bool epoll_is_used;

#define EXPORT __attribute__((visibility("default")))

enum { READS = EPOLLIN | EPOLLRDNORM };

/* ---- registrations ---- */

/* By system calls: libc's are cancellation points, and a thread cancelled here would leave the
 * descriptor open. */
static int open_information(int epoll)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", epoll);
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static bool read_number(const char *line, const char *label, int base, uint64_t *number)
{
    const char *found = strstr(line, label);
    char *end = NULL;
    if (found)
        *number = strtoull(found + strlen(label), &end, base);
    return end && end > found + strlen(label);
}

static bool read_registration(const char *line, struct registration *registration)
{
    uint64_t fd;
    uint64_t events;
    uint64_t device = 0;
    uint64_t inode = 0;
    if (strncmp(line, "tfd:", 4) != 0 || !read_number(line, "tfd:", 10, &fd) ||
        !read_number(line, " events:", 16, &events) ||
        !read_number(line, " data:", 16, &registration->data))
        return false;
    registration->fd = (int)fd;
    registration->events = (uint32_t)events;
    registration->has_identity =
        read_number(line, " ino:", 16, &inode) && read_number(line, " sdev:", 16, &device);
    registration->inode = inode;
    /* As the kernel numbers devices inside, not as stat shows them. */
    registration->device = makedev((unsigned)(device >> 20), (unsigned)(device & 0xfffff));
    return true;
}

struct reader {
    char text[4096];
    size_t size;
};

/* Visits the whole lines of the text and keeps the rest. */
static bool visit_lines(struct reader *reader, bool (*visit)(const struct registration *, void *),
                        void *data)
{
    char *line = reader->text;
    char *end;
    bool goes_on = true;
    while (goes_on && (end = memchr(line, '\n', reader->size - (size_t)(line - reader->text)))) {
        struct registration registration;
        *end = '\0';
        if (read_registration(line, &registration) && (registration.events & READS))
            goes_on = visit(&registration, data);
        line = end + 1;
    }
    reader->size -= (size_t)(line - reader->text);
    memmove(reader->text, line, reader->size);
    return goes_on;
}

bool epoll_registrations(int epoll, bool (*visit)(const struct registration *, void *), void *data)
{
    int saved = errno;
    struct reader reader = {.size = 0};
    bool goes_on = true;
    long more = 0;
    int fd = open_information(epoll);
    while (fd >= 0 && goes_on) {
        more = syscall(SYS_read, fd, reader.text + reader.size, sizeof(reader.text) - reader.size);
        if (more <= 0)
            break;
        reader.size += (size_t)more;
        goes_on = visit_lines(&reader, visit, data);
    }
    if (fd >= 0)
        syscall(SYS_close, fd);
    errno = saved;
    return fd >= 0 && goes_on && more == 0;
}

bool epoll_is_shown(void)
{
    static atomic_int is_shown; /* 0: not asked yet */
    if (atomic_load(&is_shown) == 0)
        atomic_store(&is_shown, access("/proc/thread-self/fdinfo", R_OK | X_OK) == 0 ? 1 : -1);
    return atomic_load(&is_shown) > 0;
}

static struct wake *wake_of_registration(const struct registration *registration)
{
    return registration->has_identity ? wake_of_inode(registration->device, registration->inode)
                                      : wake_of(registration->fd);
}

/* ---- answers among them ---- */

enum { ANSWERS_AT_ONCE = 32 };

struct answers {
    int epoll;
    int count;
    struct {
        struct wake *wake;
        struct registration registration;
    } found[ANSWERS_AT_ONCE];
};

static bool is_reported_once(const struct registration *registration)
{
    return registration->events & (EPOLLET | EPOLLONESHOT);
}

static bool add_answer(const struct registration *registration, void *data)
{
    struct answers *answers = data;
    struct wake *wake = wake_of_registration(registration);
    if (!wake || (is_reported_once(registration) && !wake_may_report(wake, answers->epoll)))
        return true;
    answers->found[answers->count].wake = wake;
    answers->found[answers->count].registration = *registration;
    return ++answers->count < ANSWERS_AT_ONCE;
}

/* False when it cannot be told now. */
static bool find_answers(int epoll, struct answers *answers)
{
    answers->epoll = epoll;
    answers->count = 0;
    return atomic_load(&wake_answers) == 0 || epoll_registrations(epoll, add_answer, answers) ||
           answers->count > 0;
}

bool epoll_has_answer(int epoll)
{
    struct stat file;
    struct answers answers;
    int saved = errno;
    /* An epoll instance, as other files of the kernel's own, is of no type. */
    bool may_be = fstat(epoll, &file) == 0 && (file.st_mode & S_IFMT) == 0;
    errno = saved;
    return may_be && find_answers(epoll, &answers) && answers.count > 0;
}

/* ---- the wait ---- */

enum epoll_kind { EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2 };

struct epoll_call {
    enum epoll_kind kind;
    int epoll;
    struct epoll_event *events;
    int count;
    int milliseconds;
    const struct timespec *timeout;
    const sigset_t *mask;
};

static int real_wait(const struct epoll_call *call)
{
    const struct libc *libc = libc_real();
    switch (call->kind) {
    case EPOLL_WAIT:
        return libc->epoll_wait(call->epoll, call->events, call->count, call->milliseconds);
    case EPOLL_PWAIT:
        return libc->epoll_pwait(call->epoll, call->events, call->count, call->milliseconds,
                                 call->mask);
    case EPOLL_PWAIT2:
        break;
    }
    return libc->epoll_pwait2(call->epoll, call->events, call->count, call->timeout, call->mask);
}

static int wait_at_most(const struct epoll_call *call, int count, int milliseconds)
{
    const struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    struct epoll_call bounded = *call;
    bounded.count = count;
    bounded.milliseconds = milliseconds;
    bounded.timeout = &timeout;
    return real_wait(&bounded);
}

/* Rounded up; -1: for ever. */
static int64_t time_of(const struct epoll_call *call)
{
    if (call->kind != EPOLL_PWAIT2)
        return call->milliseconds;
    if (!call->timeout)
        return -1;
    return call->timeout->tv_sec * INT64_C(1000) + (call->timeout->tv_nsec + 999999) / 1000000;
}

/* One-shot registrations keep what epoll_ctl(2) calls input flags, and no event. */
static void disarm(int epoll, const struct registration *registration)
{
    int saved = errno;
    struct epoll_event event = {
        .events = registration->events & (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP),
        .data.u64 = registration->data,
    };
    libc_real()->epoll_ctl(epoll, EPOLL_CTL_MOD, registration->fd, &event);
    errno = saved;
}

/* Adds one answer to what the kernel reported; the new number of events. */
static int report(const struct epoll_call *call, int ready, struct wake *wake,
                  const struct registration *registration)
{
    int i = 0;
    while (i < ready && call->events[i].data.u64 != registration->data)
        i++;
    if (i == call->count ||
        (is_reported_once(registration) && !wake_claim_report(wake, call->epoll)))
        return ready;
    if (i == ready)
        call->events[i] = (struct epoll_event){.data.u64 = registration->data};
    call->events[i].events |= registration->events & READS;
    /* It is said when the answer has been read; an edge would not be said again. */
    if (!(registration->events & EPOLLET))
        call->events[i].events &= ~(uint32_t)(EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    if (registration->events & EPOLLONESHOT)
        disarm(call->epoll, registration);
    return i == ready ? ready + 1 : ready;
}

static int wait_with_answers(const struct epoll_call *call, const struct answers *answers)
{
    /* A place is kept free; where there is only one, kernel and answers take turns. */
    static atomic_uint turn;
    bool is_kernels_turn = call->count > 1 || atomic_fetch_add(&turn, 1) % 2;
    int ready = is_kernels_turn ? wait_at_most(call, call->count > 1 ? call->count - 1 : 1, 0) : 0;
    for (int i = 0; i < answers->count && ready >= 0; i++)
        ready = report(call, ready, answers->found[i].wake, &answers->found[i].registration);
    return ready;
}

/* ---- kicks ---- */

/*
 * A thread that sleeps on an instance has to wake up when a socket with an answer is registered
 * with it. It is kicked: for a moment the instance has a registration of ours that is always ready,
 * with an address of ours as its data; the wait that meets it takes it out again.
 */
static char kick;
static atomic_int kick_descriptor = -1;

static void send_kick(int epoll)
{
    int saved = errno;
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &kick};
    const struct libc *libc = libc_real();
    int fd = atomic_load(&kick_descriptor);
    /* The first, or one that the program has closed with all others. */
    if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
        fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        /* From now on every wait looks for kicks. */
        if (atomic_exchange(&kick_descriptor, fd) < 0)
            atomic_fetch_add(&wake_count, 1);
    }
    if (libc->epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        libc->epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    errno = saved;
}

/* Whether there were any among the events. */
static bool take_kicks(const struct epoll_call *call, int *ready)
{
    bool found = false;
    for (int i = 0; i < *ready; i++)
        if (call->events[i].data.ptr == &kick) {
            call->events[i--] = call->events[--*ready];
            found = true;
        }
    if (found) {
        int saved = errno;
        libc_real()->epoll_ctl(call->epoll, EPOLL_CTL_DEL, atomic_load(&kick_descriptor), NULL);
        errno = saved;
    }
    return found;
}

/* ---- gaps ---- */

enum { ENDS = EPOLLERR | EPOLLHUP };

struct sought {
    uint64_t data;
    struct registration registration;
};

static bool is_not_sought(const struct registration *registration, void *sought_)
{
    struct sought *sought = sought_;
    if (registration->data != sought->data)
        return true;
    sought->registration = *registration;
    return false;
}

/* What the event would say now; as it is where that cannot be told. */
static uint32_t events_now(const struct epoll_call *call, const struct epoll_event *event)
{
    struct sought sought = {.data = event->data.u64};
    struct descriptor now;
    struct pollfd polled = {.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
    if (epoll_registrations(call->epoll, is_not_sought, &sought) ||
        !sought.registration.has_identity || !wake_identify(sought.registration.fd, &now) ||
        now.inode != sought.registration.inode || now.device != sought.registration.device)
        return event->events;
    polled.fd = sought.registration.fd;
    int saved = errno;
    int ready = libc_real()->poll(&polled, 1, 0);
    errno = saved;
    return ready < 0 ? event->events
                     : (uint32_t)polled.revents & (sought.registration.events | ENDS);
}

/* Looks again at what has ended, as it says, if it may have been between two connections. (A
 * one-shot registration says no more what it was for: its event stays.) Whether nothing is left. */
static bool take_gaps(const struct epoll_call *call, int *ready, unsigned *gaps)
{
    int found = 0;
    for (int i = 0; i < *ready; i++)
        found += (call->events[i].events & ENDS) != 0;
    if (found == 0 || !standin_was_gap(gaps))
        return false;
    for (int i = 0; i < *ready; i++) {
        struct epoll_event *event = &call->events[i];
        if (event->events & ENDS)
            event->events = events_now(call, event);
        if (event->events == 0)
            call->events[i--] = call->events[--*ready];
    }
    return *ready == 0;
}

/* ---- sleeping ---- */

#define NO_DEADLINE (UINT64_MAX / 2)

/* No descriptor is left to read the registrations with: asked again and again, slept between. */
static int wait_blindly(const struct epoll_call *call, uint64_t deadline)
{
    enum { SLICE = 10 };
    uint64_t now = clock_milliseconds();
    int64_t left = deadline > now ? (int64_t)(deadline - now) : 0;
    return wait_at_most(call, call->count, left < SLICE ? (int)left : SLICE);
}

/* The time that is left for another try. */
static int wait_rest(const struct epoll_call *call, uint64_t deadline)
{
    uint64_t now = clock_milliseconds();
    uint64_t left = deadline > now ? deadline - now : 0;
    if (deadline == NO_DEADLINE)
        return wait_at_most(call, call->count, -1);
    return wait_at_most(call, call->count, left > INT_MAX ? INT_MAX : (int)left);
}

static int now_or_sleep(const struct epoll_call *call)
{
    int64_t time = time_of(call);
    uint64_t deadline = time < 0   ? NO_DEADLINE
                        : time > 0 ? clock_milliseconds() + (uint64_t)time
                                   : 0;
    struct answers answers;
    unsigned gaps = standin_mark_gaps();
    for (bool is_first = true;; is_first = false) {
        bool is_known = find_answers(call->epoll, &answers);
        int ready = !is_known           ? wait_blindly(call, deadline)
                    : answers.count > 0 ? wait_with_answers(call, &answers)
                    : is_first          ? real_wait(call)
                                        : wait_rest(call, deadline);
        bool was_kicked = take_kicks(call, &ready);
        bool was_gap = take_gaps(call, &ready, &gaps);
        bool is_over = is_known && answers.count == 0 && !was_kicked && !was_gap;
        if (ready != 0 || time == 0 || is_over || clock_milliseconds() >= deadline)
            return ready;
    }
}

static int wait_epoll(const struct epoll_call *call)
{
    if (call->count <= 0 || !call->events)
        return real_wait(call);
    struct sleeper *sleeper = time_of(call) != 0 ? sleeper_enter(0, call->epoll) : NULL;
    int ready = now_or_sleep(call);
    sleeper_leave(sleeper);
    return ready;
}

/* ---- the hooks ---- */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): libc's names are reserved */

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    if (wake_is_idle())
        return libc_real()->epoll_wait(epoll, events, count, timeout);
    return wait_epoll(&(struct epoll_call){.kind = EPOLL_WAIT,
                                           .epoll = epoll,
                                           .events = events,
                                           .count = count,
                                           .milliseconds = timeout});
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
                       const sigset_t *mask)
{
    if (wake_is_idle())
        return libc_real()->epoll_pwait(epoll, events, count, timeout, mask);
    return wait_epoll(&(struct epoll_call){.kind = EPOLL_PWAIT,
                                           .epoll = epoll,
                                           .events = events,
                                           .count = count,
                                           .milliseconds = timeout,
                                           .mask = mask});
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask)
{
    if (wake_is_idle())
        return libc_real()->epoll_pwait2(epoll, events, count, timeout, mask);
    return wait_epoll(&(struct epoll_call){.kind = EPOLL_PWAIT2,
                                           .epoll = epoll,
                                           .events = events,
                                           .count = count,
                                           .timeout = timeout,
                                           .mask = mask});
}

/* The kernel reports a ready descriptor anew when its registration is made or changed. */
static void notice_registration(int epoll, int fd)
{
    struct wake *wake = wake_of(fd);
    if (!wake)
        return;
    wake_again(wake);
    if (sleepers_sleep_on(epoll))
        send_kick(epoll);
}

EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    int result = libc_real()->epoll_ctl(epoll, operation, fd, event);
    atomic_store_explicit(&epoll_is_used, true, memory_order_relaxed);
    if (atomic_load(&standin_awaited) > 0 && result == 0 && operation != EPOLL_CTL_DEL &&
        (event->events & EPOLLOUT))
        await_note_epoll(fd);
    if (atomic_load(&wake_answers) > 0 && result == 0 && operation != EPOLL_CTL_DEL)
        notice_registration(epoll, fd);
    return result;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
