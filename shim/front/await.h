/*
 * How a program waits until it is connected.
 *
 * A program that connects with a time-out has connect not block, and waits until the socket is
 * writable. A stand-in is that at once, so that the time-out has to be known later, when a request
 * needs the connection: it is the limit of a wait by which a language's own connect is known, or
 * that of a program in C whose socket blocks afterwards.
 *
 * Any other wait may be one turn of a loop, or be ended by somebody else, or lead to an error of
 * the program's own: nothing later can stand for it. Then the connection is made there and then,
 * and the wait says what it would have said.
 *
 * Lock-free but for a bounded try, for poll may be called in signal handlers. errno is kept.
 */
#ifndef VCACHE_FRONT_AWAIT_H
#define VCACHE_FRONT_AWAIT_H

#include "front/standin.h"

/* The program will wait for a connection: who it is that waits is found out. */
void await_begin(void);

/* The program begins such a wait until the descriptor is writable. */
void await_note(int fd, const struct standin_wait *wait);
/* The same, by an event loop that is told by epoll. */
void await_note_epoll(int fd);

/* The program's own time-out for connecting, in milliseconds; 0: none that is known. */
uint64_t await_time_out(int fd);

#endif
