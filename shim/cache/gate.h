/*
 * The gate: one process, and in it one thread, at a time changes the cache's files.
 *
 * LMDB's own locks have no time-out and their holder may be stopped, so everything in LMDB that can
 * wait is done inside the gate only, and the gate is tried for a bounded time. It is an
 * open-file-description lock on byte 0 of the file `locks`, which the kernel frees when the holder
 * dies; the file is opened anew each time, so that no descriptor lies about for the program to
 * close, reuse or inherit. Inside, signals are held back and the thread cannot be cancelled: a
 * handler that jumps away or comes back in would leave the gate shut for this process.
 */
#ifndef VCACHE_CACHE_GATE_H
#define VCACHE_CACHE_GATE_H

#include "cache/cache.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

/* A try takes at most about twice this: first the other threads, then the other processes. */
#define GATE_WAIT_MS 50
/* How long it is not tried again when nobody passed the gate in that time. */
#define GATE_BACK_OFF_MS 1000

/* Lies in the file `shared`: what processes let each other know about the gate. Only manners hang
 * on it, no safety. */
struct gate_board {
    _Atomic uint64_t passages;  /* how often somebody has left */
    _Atomic uint64_t waited_at; /* clock_microseconds(): somebody stood outside */
};

struct gate {
    pthread_mutex_t mutex;
    _Atomic uint64_t retry_at;          /* clock_milliseconds() */
    _Atomic(struct gate_board *) board; /* NULL: not known yet */
    uint64_t left_at;                   /* clock_microseconds(): by this process */
    int fd;
    ino_t inode;      /* of fd, which the program may close and reuse while we are inside */
    sigset_t signals; /* the thread's mask, to be restored */
    int cancel_state; /* likewise */
    bool is_held_for_fork;
};

void gate_init(struct gate *gate);

/*
 * CACHE_OK: inside. CACHE_BUSY: not within the bound. CACHE_ABSENT: no such file, or no directory,
 * and `create` is false or did not help. CACHE_UNAVAILABLE: the file cannot be opened or locked.
 */
enum cache_status gate_enter(struct gate *gate, const char *path, bool create);
void gate_leave(struct gate *gate);

/* Around fork: the thread that forks waits (bounded) until no other thread of it is inside. */
void gate_before_fork(struct gate *gate);
void gate_after_fork_in_parent(struct gate *gate);
/* In the child there is only one thread, and it is not inside. */
void gate_after_fork_in_child(struct gate *gate);

#endif
