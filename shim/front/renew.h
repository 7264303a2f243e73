/*
 * Renewal: a connection that the origin ended while answers came from the cache, or that ends
 * before what is due on the exchange's own account could be sent, is made anew, on the same
 * descriptor and under the same SSL, and the program sees nothing of it: it was not its doing.
 *
 * A connection on which nothing was answered here since the origin was last heard, and nothing is
 * due, ends as it would without the shim, and so does one that another thread sleeps on, that
 * another process began, or that goes through a proxy. The new peer must show the certificate of
 * the old one and be trusted as it was. If there is no new connection, the program is told how the
 * old one ended (ending.h).
 *
 * Called with the connection entered. errno and OpenSSL's error queue are kept, but for what is
 * said below.
 */
#ifndef VCACHE_FRONT_RENEW_H
#define VCACHE_FRONT_RENEW_H

#include "front/connection.h"

/* Before the first byte of a request goes out: looks whether the connection has died. If it has, it
 * is new when this returns, or its `ending` is known. */
void renew_idle(struct connection *connection);

/* What is due needs another connection than this one. If there is none, nothing is due any more:
 * the exchange was told, and the connection is as it was, or its `ending` is known. */
void renew_needed(struct connection *connection);

/*
 * After a real call on which ending_expect was called for `ending`: whether it found the connection
 * dead before any of the response came, and the request may be sent again. Then the connection is
 * new and the request is on its way again, or the connection's `ending` is known: the program is to
 * be told neither of the call's result nor of its error.
 */
bool renew_asked(struct connection *connection, const struct call *call, struct ending *ending,
                 int result);

#endif
