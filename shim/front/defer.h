/*
 * Deferred connections (DESIGN, section 10): an SSL that the program believes connected, over a
 * socket that only stands in (standin.h).
 *
 *   waiting    the handshake was answered here: the certificates that the origin showed before pass
 *              the program's own verification now
 *   greeting   a request must go out: the real connection is being made, the real handshake is
 *              under way, in the program's own loop if its socket does not block
 *   broken     it could not be had, and the program was told so
 *   over       it is real, or has failed for good; nothing is done here any more
 *
 * What the program asks of the SSL meanwhile is answered from what is known (looks.c); it keeps
 * valid what it was given until the SSL is freed. If the origin then shows another certificate than
 * the one that the program was shown, the connection is lost: neither what was stored nor what the
 * program sends must get to it, and the next connection sees it.
 *
 * Not thread-safe, as an SSL is not.
 */
#ifndef VCACHE_FRONT_DEFER_H
#define VCACHE_FRONT_DEFER_H

#include "cache/statistics.h"
#include "front/connection.h"

struct deferred;

extern atomic_uint defer_count; /* SSLs that wait or greet */

/* Where the state of this library's SSLs is attached; false on failure. */
bool defer_index(struct openssl *openssl);

struct deferred *defer_find(const struct openssl *openssl, const SSL *ssl);

/* That of an SSL that waits or greets, else NULL. */
static inline struct deferred *defer_of(struct route route, const SSL *ssl)
{
    if (route.passes ||
        __builtin_expect(atomic_load_explicit(&defer_count, memory_order_relaxed) == 0, 1))
        return NULL;
    return defer_find(route.openssl, ssl);
}

/*
 * The program's SSL_do_handshake, or SSL_connect if `connects`: answered here if it can be, else
 * the real function, over a real connection. What it returned. `caller`: who asks, by the return
 * address; NULL: the handshake is implied.
 */
int defer_handshake(struct route route, SSL *ssl, bool connects, const void *caller);

/*
 * The SSL is needed for real, to send what must go out (VERDICT_CONNECT_NEEDED) or for another
 * reason. 1 when it is; else what the program's call is to return, SSL_get_error and errno saying
 * why: it is under way, or it cannot be had. After a failure to get through the SSL waits again,
 * for the request may be answered all the same, and the next one tries again; until the program is
 * told.
 */
int defer_settle(const struct call *call, enum verdict why);
/* A write fails: if for want of a connection, the program is told why, by errno, by the error queue
 * or by an exception: true, and the call is to succeed, or there is no return. */
bool defer_tell_writer(const struct call *call);
/* As defer_settle, for a call that cannot be put off: waits however the socket is. */
bool defer_settle_at_once(struct route route, const SSL *ssl);

/* SSL_shutdown of an SSL that waits or greets. */
int defer_shutdown(struct route route, SSL *ssl);

/* The program reads, and nothing was asked: 1 if it is to read for real, else it is told that there
 * is nothing yet; or, if it has ended TLS itself, that the peer has, too. */
int defer_read(const struct call *call);
/* What the program was told to wait for by the last of these, where OpenSSL does not know it:
 * SSL_ERROR_WANT_READ or _WRITE, or that it is at its end: SSL_ERROR_ZERO_RETURN. 0: OpenSSL
 * knows. */
int defer_told(struct route route, const SSL *ssl);
/* The next call begins. */
void defer_forget_told(struct route route, const SSL *ssl);

/* Whether the last call failed for want of a connection. */
bool defer_has_failed(const struct openssl *openssl, const SSL *ssl);
/* Whether the origin was got through to, and refused: by the program's verification, or because it
 * shows another certificate than before. */
bool defer_is_refused(const struct openssl *openssl, const SSL *ssl);

/* The SSL is to be used for another connection: what was deferred is dropped. */
void defer_drop(const struct openssl *openssl, SSL *ssl);

/* The SSL was put on another descriptor. If that is the same socket, it waits there; on another one
 * it has not shaken hands yet. */
void defer_move(struct route route, SSL *ssl);

/* Of an SSL that waits or greets: how its peer is trusted, and over what it will speak to whom.
 * False: of any other. */
bool defer_trust(const struct openssl *openssl, const SSL *ssl, bool is_verified,
                 struct trust *trust);
bool defer_socket(const struct openssl *openssl, const SSL *ssl, struct descriptor *descriptor,
                  struct dial_peer *peer);

#endif
