/*
 * Wake: an answer that waits must be seen by whoever waits for its descriptor, though nothing
 * arrives on the wire.
 *
 * wake.c keeps the answers that wait, sleepers.c the threads that sleep, wait_poll.c,
 * wait_select.c and epoll.c stand in for the functions that wait. A process in which no answer
 * waits pays one load and one branch; one with several threads also leaves a note of what it sleeps
 * on.
 *
 * All of it is lock-free, for poll and select may be called in signal handlers. Thread-safe.
 */
#ifndef VCACHE_FRONT_WAKE_H
#define VCACHE_FRONT_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/single_threaded.h>
#include <sys/types.h>

/* Not in every libc. */
#pragma weak __libc_single_threaded

struct connection;

/* A descriptor with the identity of its open file: numbers are used again, and duplicated. */
struct descriptor {
    int fd;
    dev_t device;
    ino_t inode;
};

/* Identifies a socket; false for anything else. */
bool wake_identify(int fd, struct descriptor *descriptor);

static inline bool wake_is_same_file(const struct descriptor *a, const struct descriptor *b)
{
    return a->inode == b->inode && a->device == b->device;
}

/* Whether the number is that file's still. */
bool wake_is_still(const struct descriptor *descriptor);

/* ---- answers that wait ---- */

struct wake; /* a connection that is to be looked at by those who wait for its descriptor */

extern atomic_uint wake_count;   /* of all of them */
extern atomic_uint wake_answers; /* of those where an answer waits */

/* NULL when there are too many. Locked by the caller until wake_unlock or wake_withdraw. */
struct wake *wake_announce(const struct descriptor *descriptor, struct connection *connection);
/* Whether its descriptor is readable by an answer. If so, edge-triggered waits are told (again). */
void wake_show(struct wake *wake, bool has_answer);
/* Locked before, free after. */
void wake_withdraw(struct wake *wake);

/* Held while the connection is at work, and by a thread that forks. Both end; a lock that a longjmp
 * left behind is broken after a while. */
void wake_lock(struct wake *wake);
void wake_unlock(struct wake *wake);

/* Where an answer waits on this open file, or NULL. */
struct wake *wake_of(int fd);
struct wake *wake_of_inode(dev_t device, ino_t inode);

/* Whether the process has ever registered a descriptor with epoll. */
extern atomic_bool epoll_is_used;

/* An edge was asked for anew. */
void wake_again(struct wake *wake);
/* Whether the epoll instance may report it: an edge once for each arrival. */
bool wake_may_report(const struct wake *wake, int epoll);
/* The same, and it has: true for one of several threads. */
bool wake_claim_report(struct wake *wake, int epoll);

/*
 * Whether what the kernel calls readable is nothing for the program: session tickets (RFC 8446,
 * 4.6.1) that the first real read would have consumed. A connection of which all was answered here
 * never had one, and programs take an idle connection that is readable for a dropped one (urllib3),
 * or read it and wait (Ruby).
 */
bool wake_is_noise(int fd);

/* Around fork: every waiting answer is copied out of what the child must not touch, and none is
 * read meanwhile. */
void wake_before_fork(void);
void wake_after_fork(void);

/* ---- threads that sleep ---- */

#define SLEEPS_ON(fd) ((uint64_t)1 << ((unsigned)(fd) % 64))

struct sleeper; /* a thread's note */

/* Whether notes are needed at all. */
static inline bool sleepers_matter(void)
{
    return !&__libc_single_threaded || !__libc_single_threaded;
}

/* Whether a wait is the real function's business alone: the usual case, asked by every wait. */
static inline bool wake_is_idle(void)
{
    return atomic_load(&wake_count) == 0 && !sleepers_matter();
}

/* Before sleeping, and before looking for answers: which descriptors (SLEEPS_ON, or'ed), or which
 * epoll instance (else -1). NULL when it is not needed. */
struct sleeper *sleeper_enter(uint64_t descriptors, int epoll);
void sleeper_leave(struct sleeper *sleeper);

/* Whether no other thread sleeps that would have to be woken by an answer on this descriptor, and
 * nothing else keeps such an answer from being seen. Announce it before. */
bool wake_reaches_all(const struct descriptor *descriptor);

/* Whether a thread sleeps on that epoll instance. */
bool sleepers_sleep_on(int epoll);

/* In the child: its other threads are not there. */
void sleepers_forget(void);

/* ---- epoll ---- */

/* One registration of an epoll instance. */
struct registration {
    int fd;
    uint32_t events;
    uint64_t data;
    bool has_identity; /* an older kernel does not say which file it is */
    dev_t device;
    ino_t inode;
};

/* Calls `visit` for the registrations with an interest in reading, as the kernel shows them
 * (proc(5), fdinfo), until it returns false. True when all of them were visited; false too if they
 * cannot be read. */
bool epoll_registrations(int epoll, bool (*visit)(const struct registration *, void *), void *data);

/* Whether the kernel shows them at all. */
bool epoll_is_shown(void);

/* Whether an answer waits that the instance would report now: an instance is itself readable then.
 */
bool epoll_has_answer(int epoll);

#endif
