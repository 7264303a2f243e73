/*
 * Names that have several addresses, as programs found them.
 *
 * A program that cannot connect to one goes on to the next. Whose connection was put off does not
 * come to that, for it was told that it is connected: so that is done in its place, in the order in
 * which it was told the addresses by getaddrinfo.
 *
 * The last answers are kept, without their names. Thread-safe; a lock is tried but for a while, and
 * without it nothing is known. errno is kept.
 */
#ifndef VCACHE_FRONT_RESOLVED_H
#define VCACHE_FRONT_RESOLVED_H

#include "front/dial.h"

enum { RESOLVED_ADDRESSES = 8 }; /* at most, of one answer; those after them are not known */

/*
 * What comes after that address in the last answer that has it, with its port and for a socket of
 * its family: IPv4 is reached from IPv6 by a mapped address (RFC 4291, 2.5.5.2), IPv6 from IPv4 is
 * not. False: nothing, or it is not known.
 */
bool resolved_next(const struct dial_peer *peer, struct dial_peer *next);

/* In the child: what another thread of its parent's was writing is not known. */
void resolved_forget_unfinished(void);

#endif
