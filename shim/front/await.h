/*
 * How a program waits until it is connected.
 *
 * Most programs that connect with a time-out have connect not block, wait by poll or select until
 * the socket is writable, and have it block again. A stand-in is writable at once, so that such a
 * time-out has to be known later, when a request needs the connection: it is what is seen of the
 * program's wait.
 *
 * But a wait that ends by itself may be one turn of a loop, and whoever took it for a time-out
 * would fail that program too early. Where only the wait itself can tell, the connection is made
 * there, and the wait says what it would have said.
 *
 * Lock-free but for a bounded try, for poll may be called in signal handlers. errno is kept.
 */
#ifndef VCACHE_FRONT_AWAIT_H
#define VCACHE_FRONT_AWAIT_H

#include "front/standin.h"

/* The program connects: what has to be known of it when it waits is found out. */
void await_begin(void);

/* The program begins such a wait until the descriptor is writable. */
void await_note(int fd, const struct standin_wait *wait);

/* The program's own time-out for connecting, in milliseconds; 0: none that is known. `caller`: who
 * asks for the handshake, by the return address. */
uint64_t await_time_out(int fd, const void *caller);

#endif
