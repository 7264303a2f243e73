/*
 * Stand-ins: a socket that is connected to itself, in the place of a connection that does not exist
 * yet (DESIGN, section 10). To the kernel it is an open TCP connection on which nothing happens:
 * poll, select, epoll and liveness checks say what they say of an idle real one.
 *
 * Later the real connection is made on the same open file, so that what epoll instances know of it
 * and the options that the program set stay. It is known by its open file, not by its number: it
 * may have been duplicated. What the program has closed is forgotten by and by.
 *
 * A process without one pays one load and one branch for each hooked call. Thread-safe, lock-free
 * but for a bounded try; allocates nothing, for hooked calls are made in signal handlers. A child
 * that was forked may use what its parent has: the open file is shared, and whoever comes first
 * makes it real for both.
 */
#ifndef VCACHE_FRONT_STANDIN_H
#define VCACHE_FRONT_STANDIN_H

#include "front/dial.h"
#include "front/wake.h"

extern atomic_uint standin_count;

/* Whether there may be any. */
static inline bool standin_exists(void)
{
    return __builtin_expect(atomic_load_explicit(&standin_count, memory_order_relaxed) != 0, 0);
}

/*
 * Connects a fresh socket to itself in place of `peer`. *result: what connect is to return, with
 * errno, as the kernel said it. False, and nothing has been done, where it cannot be had: the
 * socket is bound or not fresh, or a stand-in already, there is no loopback.
 */
bool standin_make(int fd, const struct dial_peer *peer, int *result);

/* The program calls connect once more, to learn whether it is connected (Ruby): whether it is a
 * stand-in, and then what the kernel says. */
bool standin_ask(int fd, int *result);

/* The same as standin_make on a socket whose real connection could not be had, for the next try.
 * errno is kept. */
bool standin_make_again(int fd, const struct dial_peer *peer);

/* What is seen of a program that has connect not block (await.h): the first wait of limited time
 * until the descriptor is writable, or without end; it has it block. */
#define STANDIN_ENDLESS UINT64_MAX
extern atomic_uint standin_awaited; /* those of which no wait was seen yet */
struct standin_wait {
    uint64_t limit_ms; /* 0: none was seen, or it only looked */
    bool is_polled;    /* and not selected */
    bool is_alone;     /* nothing else is waited for */
    bool is_pythons;   /* polled for that alone, and for those events, as CPython's connect does */
    bool blocks_again;
};
bool standin_is_awaited(int fd);
void standin_note_wait(int fd, const struct standin_wait *wait);
void standin_note_blocking(int fd);
struct standin_wait standin_wait(int fd);

/* Whether the descriptor is one, and in whose place. */
bool standin_peer(int fd, struct dial_peer *peer);
/* The same, and which open file it is. */
bool standin_find(int fd, struct descriptor *descriptor, struct dial_peer *peer);

/*
 * Makes the real connection, as the program would: where the file blocks, or if it `waits` all the
 * same, waits for it, as long as the program's own time-outs on the socket allow or else
 * `limit_ms`. Otherwise it may be on its way still: then the socket is not writable yet. If it
 * cannot be had, errno says why, and the socket is not connected.
 */
enum standin_result {
    STANDIN_REPLACED,
    STANDIN_INTERRUPTED, /* likewise, but a signal was caught that the program has to know of */
    STANDIN_FAILED,
    STANDIN_NONE /* it was not one */
};
enum standin_result standin_replace(int fd, uint64_t limit_ms, bool waits);

/* The same, for bytes past OpenSSL; and whether that was so: then an SSL that was told of a
 * connection there has one now, and has yet to shake hands on it. */
enum standin_result standin_touch(int fd, uint64_t limit_ms);
bool standin_was_touched(const struct descriptor *descriptor);

/*
 * In between the file is connected to nobody, for the time of two system calls, and a thread that
 * waits for it is told that it hung up. So who waits marks when he began; if he is told of an end,
 * he looks again where there was such a gap since: that ends soon, and is waited for.
 */
extern atomic_uint standin_gaps_ended;
static inline unsigned standin_mark_gaps(void)
{
    return atomic_load(&standin_gaps_ended);
}
/* Moves the mark on. */
bool standin_was_gap(unsigned *mark);

/* It is to be what it is: the program has shut it down, or dissolved it. */
void standin_forget(int fd);

/* Around fork: nobody changes anything meanwhile. */
void standin_before_fork(void);
void standin_after_fork(bool is_child);

#endif
