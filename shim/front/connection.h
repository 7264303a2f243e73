/*
 * Connections: what the front knows of one SSL, attached to the SSL object itself.
 *
 *   nothing      no byte was written yet
 *   pass         not vSphere, or not to be meddled with: every call goes to the real function
 *   a struct     an exchange looks at the bytes
 *
 * OpenSSL frees it with the SSL (the extra data's callback); a copy of an SSL begins with nothing.
 * Not thread-safe, as an SSL is not. Only fork asks for what is shared: see wake.h.
 */
#ifndef VCACHE_FRONT_CONNECTION_H
#define VCACHE_FRONT_CONNECTION_H

#include "base/bytes.h"
#include "exchange/exchange.h"
#include "front/caller.h"
#include "front/dial.h"
#include "front/ending.h"
#include "front/wake.h"

/* Whose doing it is that a connection is idle. */
enum idling {
    CONNECTION_IN_USE, /* the program's and the origin's */
    CONNECTION_IDLED,  /* answers were given here since the origin was last heard */
    CONNECTION_ASKED,  /* and a request went out after them */
};

struct connection {
    const struct openssl *openssl;
    SSL *ssl;
    struct descriptor descriptor;
    struct dial_peer peer; /* after a reset the kernel tells it no more */
    pid_t process;         /* that began it */
    struct exchange *exchange;
    struct wake *wake; /* NULL while nobody who waits needs to know */

    size_t absorbed; /* bytes at the front of what the program writes next that are taken already:
                        it was told "later", and will come with them again */
    bool is_sending; /* held bytes are on their way to the origin */
    bool is_leaving; /* after them: pass */

    bool was_answered; /* the last call was answered here, so OpenSSL's own state is of an older */
    bool has_ended;    /* the program was told of the answer's end */
    bool has_heard;    /* the origin's bytes were read, and with them what came before */
    bool has_learned;  /* what is known of the peer was to be remembered, */
    bool is_learned;   /* and is */

    enum idling idling;
    struct ending ending; /* if known, the SSL is without a connection */
};

/* The form of a call, so that a failure comes back as the program's own call gives it. */
struct call {
    const struct openssl *openssl;
    SSL *ssl;
    bool is_ex;    /* SSL_write_ex and kin */
    bool is_write; /* SSL_write itself, or SSL_write_ex, with bytes */
};

extern struct connection connection_passing;
#define CONNECTION_PASS (&connection_passing)

/*
 * The SSL that this thread last saw pass, so that most calls on it need not ask OpenSSL what is
 * attached. It holds as long as nothing that passes has been detached or freed in the process.
 */
struct passing {
    const SSL *ssl;
    unsigned detached; /* connection_detached then */
};
extern _Thread_local struct passing connection_last_passing;
extern atomic_uint connection_detached;

/* Whether that can be told without a call. */
static inline bool connection_passes(struct route route, const SSL *ssl)
{
    unsigned detached = atomic_load_explicit(&connection_detached, memory_order_relaxed);
    const struct passing *last = &connection_last_passing;
    return route.passes || (last->ssl == ssl && last->detached == detached);
}

/* What is attached: NULL, CONNECTION_PASS or a connection of ours. */
static inline struct connection *connection_of(struct route route, const SSL *ssl)
{
    if (connection_passes(route, ssl))
        return CONNECTION_PASS;
    unsigned detached = atomic_load_explicit(&connection_detached, memory_order_relaxed);
    struct connection *connection = route.openssl->SSL_get_ex_data(ssl, route.openssl->index);
    if (connection == CONNECTION_PASS)
        connection_last_passing = (struct passing){ssl, detached};
    return connection;
}

static inline bool connection_is_ours(const struct connection *connection)
{
    return connection && connection != CONNECTION_PASS;
}

/* Where connections of this library's SSLs are attached; negative on failure. */
int connection_index(const struct openssl *openssl);

/*
 * Looks at the first bytes of an SSL that nothing is attached to. 1 and *connection (ours, or
 * CONNECTION_PASS), else what the program's call is to return: writing may have to finish the
 * handshake first.
 */
int connection_begin(const struct call *call, const void *bytes, size_t size,
                     struct connection **connection);

/* Brackets all work on a connection of ours. The end shows whether an answer waits. */
void connection_enter(struct connection *connection);
void connection_exit(struct connection *connection);

/* In place of connection_exit: pass from now on; what waited is dropped. */
void connection_leave(struct connection *connection);

/* The SSL is to be used for another connection: nothing is known of it. */
void connection_forget(struct route route, SSL *ssl);

/* Reads one record that is there for the SSL, if it is nothing for the program. At the end it is
 * `ending` that has it; the error queue is kept. */
enum peeked { PEEKED_NOTHING, PEEKED_DATA, PEEKED_END };
enum peeked connection_peek(const struct connection *connection, struct ending *ending);

/* Whether nothing is there for the program to read, after reading what OpenSSL keeps to itself.
 * Called by whoever waits, with the connection locked. */
bool connection_is_silent(const struct connection *connection);

/*
 * Sends what the exchange holds to the origin, by the real function of the call's form: the one way
 * of a request out, on a new connection if the old one has died or has served its time (renew.h). 1
 * when nothing is held any more, else what the real function returned; the rest stays held. What is
 * sent on the exchange's own account raises no SIGPIPE.
 */
int connection_send(struct connection *connection, const struct call *call);

/* One real call each; 1 and *done, or what the real function returned. */
int connection_write(const struct call *call, const void *bytes, size_t size, size_t *done);
int connection_read(const struct call *call, void *bytes, size_t size, bool peeks, size_t *done);

/* What an exchange asks of this front. */
extern const struct exchange_front connection_front;

#endif
