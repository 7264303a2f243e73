/* What the program reads: an answer that waits, else what the origin sends, shown to the exchange.
 */
#include "exchange/context.h"
#include "front/defer.h"
#include "front/renew.h"
#include "front/tls.h"

#include <errno.h>

enum { RECORD_SIZE = 16384 }; /* the most that SSL_pending can be asked to say (RFC 8446, 5.1) */

static int read_answer(struct connection *connection, void *bytes, size_t size, bool peeks,
                       size_t *done)
{
    *done = exchange_answer_read(connection->exchange, bytes, size, peeks);
    connection->was_answered = true;
    return *done > 0 ? 1 : 0;
}

/* After the answer the program expects the connection to be closed: as if the close_notify had
 * come. OpenSSL is told, so that SSL_get_shutdown and SSL_shutdown say and do what fits. */
static int read_end(struct connection *connection)
{
    const struct openssl *openssl = connection->openssl;
    openssl->SSL_set_shutdown(connection->ssl,
                              openssl->SSL_get_shutdown(connection->ssl) | SSL_RECEIVED_SHUTDOWN);
    connection->was_answered = true;
    connection->has_ended = true;
    return 0;
}

/* The origin will send no more if it has closed or the connection is broken. */
static void notice_end(struct connection *connection, int result)
{
    int saved = errno;
    CALLER_ENTER(connection->openssl, connection->ssl);
    int error = connection->openssl->SSL_get_error(connection->ssl, result);
    CALLER_LEAVE();
    if (!openssl_put_off(connection->openssl, connection->ssl))
        exchange_feed_end(connection->exchange, error == SSL_ERROR_ZERO_RETURN);
    errno = saved;
}

/*
 * A program that reads before its first bytes could be told from a vSphere request's is waiting for
 * the answer to them: they must go out.
 */
static bool is_beginning(const struct connection *connection)
{
    struct span held = exchange_held(connection->exchange);
    return !connection->is_sending && held.size > 0 &&
           exchange_recognise(held.data, held.size) == EXCHANGE_UNDECIDED;
}

/* There is no connection any more: as if the real function had found that out now. Or 1, and none
 * done: an answer waits in place of what will not come. */
static int read_ended(struct connection *connection, const struct call *call, size_t *done)
{
    const struct ending *ending = &connection->ending;
    *done = 0;
    exchange_feed_end(connection->exchange, ending->is_clean);
    connection->was_answered = true;
    if (exchange_answer_size(connection->exchange) > 0)
        return 1;
    connection->has_ended = ending->is_clean;
    return ending_of_read(ending, call);
}

/* The first of a response. If the connection died before it and the request went out again, there
 * is nothing yet: 1, and none done. */
static int read_asked(struct connection *connection, const struct call *call, void *bytes,
                      size_t size, bool peeks, size_t *done)
{
    struct ending ending;
    ending_expect(&ending, call->openssl);
    int result = connection_read(call, bytes, size, peeks, done);
    if (!renew_asked(connection, call, &ending, result))
        return result;
    *done = 0;
    return 1;
}

static int read_origin(struct connection *connection, const struct call *call, void *bytes,
                       size_t size, bool peeks, size_t *done)
{
    connection->was_answered = false;
    int result = connection->idling == CONNECTION_ASKED
                     ? read_asked(connection, call, bytes, size, peeks, done)
                     : connection_read(call, bytes, size, peeks, done);
    if (result <= 0) {
        notice_end(connection, result);
    } else if (!peeks && *done > 0) {
        connection->has_heard = true;
        connection->idling = CONNECTION_IN_USE;
        *done = exchange_feed_response(connection->exchange, bytes, *done);
    }
    return result;
}

/* What is held back is not for the program's eyes, not even at a peek. */
static int read_held_back(struct connection *connection, const struct call *call, void *bytes,
                          size_t size, bool peeks, size_t *done)
{
    uint8_t own[RECORD_SIZE];
    if (peeks)
        return read_origin(connection, call, own, sizeof(own), false, done);
    return read_origin(connection, call, bytes, size, false, done);
}

/* A program that reads does not expect to be told that it must wait until it can write. */
static bool waits_to_write(const struct connection *connection)
{
    struct pollfd polled = {.fd = connection->descriptor.fd, .events = POLLOUT};
    return connection->openssl->SSL_want(connection->ssl) == SSL_WRITING &&
           openssl_put_off(connection->openssl, connection->ssl) &&
           libc_real()->poll(&polled, 1, (int)context_get()->config.connect_timeout_ms) > 0;
}

/* What the program did not write, it is not told the fate of: 1 if it is dead, too, and reading
 * will show that. */
static int send_due(struct connection *connection, const struct call *call)
{
    struct exchange *exchange = connection->exchange;
    connection->was_answered = false;
    connection->openssl->ERR_set_mark();
    int result;
    do {
        result = connection_send(connection, call);
    } while (result <= 0 && waits_to_write(connection));
    if (result > 0 || openssl_put_off(connection->openssl, connection->ssl)) {
        connection->openssl->ERR_clear_last_mark();
        return result;
    }
    connection->openssl->ERR_pop_to_mark();
    exchange_sent(exchange, exchange_held(exchange).size);
    exchange_feed_end(exchange, false);
    return 1;
}

/* Once: 1 and *done, which is 0 if nothing of what came was for the program. */
static int read_once(struct connection *connection, const struct call *call, void *bytes,
                     size_t size, bool peeks, size_t *done)
{
    struct exchange *exchange = connection->exchange;
    *done = 0;
    if (exchange_is_due(exchange))
        return send_due(connection, call);
    int result = defer_read(call);
    if (result <= 0) {
        connection->was_answered = false;
        return result;
    }
    if (!exchange_holds_back(exchange))
        return read_origin(connection, call, bytes, size, peeks, done);
    connection->openssl->ERR_set_mark();
    result = read_held_back(connection, call, bytes, size, peeks, done);
    /* The end has shown what was held back: the program has that to read first. Or it was the end
     * of a response after which something is due. */
    if (result <= 0 && (exchange_answer_size(exchange) > 0 || exchange_is_due(exchange))) {
        connection->openssl->ERR_pop_to_mark();
        /* Who has an answer knows of no end: what it asks next goes over a new connection. */
        if (exchange_answer_size(exchange) > 0)
            connection->idling = CONNECTION_IDLED;
        result = 1;
    } else {
        connection->openssl->ERR_clear_last_mark();
    }
    return result;
}

static int read_ours(struct connection *connection, const struct call *call, void *bytes,
                     size_t size, bool peeks, size_t *done)
{
    int result;
    do {
        if (exchange_answer_size(connection->exchange) > 0)
            return read_answer(connection, bytes, size, peeks, done);
        if (exchange_is_at_end(connection->exchange))
            return read_end(connection);
        result = connection->ending.is_known
                     ? read_ended(connection, call, done)
                     : read_once(connection, call, bytes, size, peeks, done);
        /* Nothing of it was for the program: it must not be told so, so there is more to read. */
    } while (result > 0 && *done == 0);
    return result;
}

static int read_looked_at(struct connection *connection, const struct call *call, void *bytes,
                          size_t size, bool peeks, size_t *done)
{
    connection_enter(connection);
    if (is_beginning(connection)) {
        int result = connection_send(connection, call);
        if (result > 0 && !connection->ending.is_known) {
            connection_leave(connection);
            return connection_read(call, bytes, size, peeks, done);
        }
        if (result <= 0) {
            connection_exit(connection);
            return result;
        }
    }
    int result = read_ours(connection, call, bytes, size, peeks, done);
    connection_exit(connection);
    return result;
}

/* ---- the four forms ---- */

/* Of what does not pass. The real function reads where nothing is looked at, once there is somebody
 * to read from. */
static bool reads_really(struct connection *connection, const struct call *call, int *result)
{
    *result = 1;
    if (connection == CONNECTION_PASS)
        return true;
    defer_forget_told((struct route){call->openssl, false}, call->ssl);
    if (!connection_is_ours(connection))
        *result = defer_read(call);
    return !connection_is_ours(connection) && *result > 0;
}

/* Apart from what passes, which is most: see write.c. */
__attribute__((noinline)) static int read_int(struct route route, SSL *ssl, void *bytes, int size,
                                              bool peeks)
{
    const struct call call = {.openssl = route.openssl, .ssl = ssl};
    size_t done = 0;
    int result;
    if (size <= 0 && defer_settle(&call, VERDICT_CONNECT_TOUCHED) <= 0)
        return -1;
    struct connection *connection = connection_of(route, ssl);
    if (size <= 0 || reads_really(connection, &call, &result))
        return peeks ? route.openssl->SSL_peek(ssl, bytes, size)
                     : route.openssl->SSL_read(ssl, bytes, size);
    if (result > 0)
        result = read_looked_at(connection, &call, bytes, (size_t)size, peeks, &done);
    return result > 0 ? (int)done : result;
}

int tls_read(struct route route, SSL *ssl, void *bytes, int size)
{
    return connection_passes(route, ssl) && size > 0 ? route.openssl->SSL_read(ssl, bytes, size)
                                                     : read_int(route, ssl, bytes, size, false);
}

int tls_peek(struct route route, SSL *ssl, void *bytes, int size)
{
    return read_int(route, ssl, bytes, size, true);
}

__attribute__((noinline)) static int read_ex(struct route route, SSL *ssl, void *bytes, size_t size,
                                             bool peeks, size_t *done)
{
    const struct call call = {.openssl = route.openssl, .ssl = ssl, .is_ex = true};
    int result;
    if (size == 0 && defer_settle(&call, VERDICT_CONNECT_TOUCHED) <= 0)
        return 0;
    struct connection *connection = connection_of(route, ssl);
    if (size == 0 || reads_really(connection, &call, &result))
        return peeks ? route.openssl->SSL_peek_ex(ssl, bytes, size, done)
                     : route.openssl->SSL_read_ex(ssl, bytes, size, done);
    return result > 0 ? read_looked_at(connection, &call, bytes, size, peeks, done) : result;
}

int tls_read_ex(struct route route, SSL *ssl, void *bytes, size_t size, size_t *done)
{
    return connection_passes(route, ssl) && size > 0
               ? route.openssl->SSL_read_ex(ssl, bytes, size, done)
               : read_ex(route, ssl, bytes, size, false, done);
}

int tls_peek_ex(struct route route, SSL *ssl, void *bytes, size_t size, size_t *done)
{
    return read_ex(route, ssl, bytes, size, true, done);
}

/* ---- what waits ---- */

static size_t waiting(const struct connection *connection)
{
    return connection_is_ours(connection) ? exchange_answer_size(connection->exchange) : 0;
}

int tls_pending(struct route route, const SSL *ssl)
{
    size_t size = waiting(connection_of(route, ssl));
    if (size == 0)
        return route.openssl->SSL_pending(ssl);
    return size < RECORD_SIZE ? (int)size : RECORD_SIZE;
}

int tls_has_pending(struct route route, const SSL *ssl)
{
    return waiting(connection_of(route, ssl)) > 0 ? 1 : route.openssl->SSL_has_pending(ssl);
}
