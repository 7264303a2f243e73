/*
 * Unready: descriptors of connections that are under way, of which a program was told to write
 * again (settle.c). What its poll or select for writing waits for is not all up to the kernel.
 *
 * While the handshake waits for the peer, the kernel calls the descriptor writable, and it cannot
 * be written to until it is readable: so it is waited for until it is that. And the program may
 * have a time-out for connecting of its own, which it would have had to wait for in connect: until
 * then its wait is not in vain, however long it is; it is told to write again, and is told by that
 * write when there is no connection.
 *
 * Thread-safe; lock-free, for poll may be called in signal handlers.
 */
#ifndef VCACHE_FRONT_UNREADY_H
#define VCACHE_FRONT_UNREADY_H

#include "front/wake.h"

struct unready {
    bool waits_to_read;
    uint64_t until_ms; /* clock_milliseconds() */
};
#define UNREADY_ENDLESS UINT64_MAX

extern atomic_uint unready_count;

/* From now on, and until unready_end. Without room, or if it is there: nothing happens. */
void unready_begin(const struct descriptor *descriptor, const struct unready *unready);
void unready_end(const struct descriptor *descriptor);

bool unready_find(int fd, struct unready *unready);

#endif
