/*
 * What the program writes: held until the exchange says what becomes of it.
 *
 * A write that OpenSSL puts off ("want write") is absorbed all the same: the exchange has the
 * bytes. The program is told the truth, comes again with them, and is told then that they were
 * written.
 */
#include "front/defer.h"
#include "front/tls.h"

#include <errno.h>

/* The program's bytes go to the exchange; afterwards `absorbed` of them need no second feeding. */
static void feed(struct connection *connection, const uint8_t *bytes, size_t taken, size_t size)
{
    bool is_lost = false;
    enum exchange_verdict verdict =
        exchange_feed_request(connection->exchange, bytes + taken, size - taken, &is_lost);
    connection->absorbed = is_lost ? taken : size;
    connection->is_sending = verdict == EXCHANGE_FORWARD || verdict == EXCHANGE_PASS;
    connection->is_leaving = verdict == EXCHANGE_PASS;
    /* After an interim answer the request is still held. */
    if (verdict == EXCHANGE_ANSWER && exchange_held(connection->exchange).size == 0)
        connection->idling = CONNECTION_IDLED;
    connection->was_answered = true;
    /* The handshake was made for nothing: the next one need not be. */
    if (verdict == EXCHANGE_ANSWER && !connection->has_learned)
        connection_front.heard(connection, exchange_endpoint(connection->exchange));
}

/* The connection is found dead: whether the exchange has an answer all the same. */
static bool is_answered_in_place(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    bool is_dead = connection->ending.is_known ||
                   !openssl_put_off(connection->openssl, connection->ssl) ||
                   defer_has_failed(connection->openssl, connection->ssl);
    if (!is_dead || defer_is_refused(connection->openssl, connection->ssl))
        return false;
    exchange_feed_end(exchange, false);
    if (exchange_answer_size(exchange) == 0)
        return false;
    exchange_sent(exchange, exchange_held(exchange).size);
    connection->was_answered = true;
    return true;
}

/* 1 when nothing is left to be sent. */
static int finish_sending(struct connection *connection, const struct call *call)
{
    if (!connection->is_sending && !exchange_is_due(connection->exchange))
        return 1;
    connection->was_answered = false;
    connection->openssl->ERR_set_mark();
    int result = connection_send(connection, call);
    if (result <= 0 && is_answered_in_place(connection)) {
        connection->openssl->ERR_pop_to_mark();
        result = 1;
    } else {
        connection->openssl->ERR_clear_last_mark();
    }
    if (result > 0)
        connection->is_sending = false;
    return result;
}

/* Absorbs the call's bytes; *taken of them at most are written when what is held has been sent. */
static int write_entered(struct connection *connection, const struct call *call, const void *bytes,
                         size_t size, size_t *taken)
{
    int result = finish_sending(connection, call);
    if (result > 0 && !connection->is_leaving && connection->absorbed < size) {
        feed(connection, bytes, connection->absorbed, size);
        result = finish_sending(connection, call);
    }
    *taken = connection->absorbed < size ? connection->absorbed : size;
    if (result > 0)
        connection->absorbed -= *taken;
    return result;
}

/* The exchange has given up: what it never took goes the real way, if it can go at once. */
static int leave(struct connection *connection, const struct call *call, const uint8_t *bytes,
                 size_t taken, size_t size, size_t *done)
{
    size_t more = 0;
    connection_leave(connection);
    int result = taken < size ? connection_write(call, bytes + taken, size - taken, &more) : 1;
    *done = taken + more;
    return taken > 0 ? 1 : result;
}

static int write_ours(struct connection *connection, const struct call *call, const void *bytes,
                      size_t size, size_t *done)
{
    connection_enter(connection);
    int result = write_entered(connection, call, bytes, size, done);
    if (result > 0 && connection->is_leaving && connection->absorbed == 0 &&
        !connection->ending.is_known)
        return leave(connection, call, bytes, *done, size, done);
    connection_exit(connection);
    return result;
}

/* The program has ended TLS itself: OpenSSL says so, and sends nothing. */
static int write_ended(struct connection *connection, const struct call *call, const void *bytes,
                       size_t size, size_t *done)
{
    if (connection_is_ours(connection))
        connection->was_answered = false;
    return connection_write(call, bytes, size, done);
}

/* `connection` is that of the SSL, or NULL at its first bytes. */
static int write_looked_at(struct connection *connection, const struct call *call,
                           const void *bytes, size_t size, size_t *done)
{
    defer_forget_told((struct route){call->openssl, false}, call->ssl);
    if (call->openssl->SSL_get_shutdown(call->ssl) & SSL_SENT_SHUTDOWN)
        return write_ended(connection, call, bytes, size, done);
    int result = connection ? 1 : connection_begin(call, bytes, size, &connection);
    if (result <= 0)
        return result;
    return connection == CONNECTION_PASS ? connection_write(call, bytes, size, done)
                                         : write_ours(connection, call, bytes, size, done);
}

/* To write nothing is to shake hands, if that was not done. */
static int write_nothing(const struct call *call)
{
    return defer_settle(call, VERDICT_CONNECT_TOUCHED);
}

/* Apart from what passes, which is most: that is to cost no more than a jump. */
__attribute__((noinline)) static int write_int(struct route route, SSL *ssl, const void *bytes,
                                               int size)
{
    const struct call call = {.openssl = route.openssl, .ssl = ssl, .is_write = size > 0};
    struct connection *connection = connection_of(route, ssl);
    size_t done = 0;
    if (size <= 0 && write_nothing(&call) <= 0)
        return -1;
    if (size <= 0 || connection == CONNECTION_PASS)
        return route.openssl->SSL_write(ssl, bytes, size);
    int result = write_looked_at(connection, &call, bytes, (size_t)size, &done);
    if (result > 0)
        return (int)done;
    return defer_tell_writer(&call) ? size : result;
}

__attribute__((noinline)) static int write_ex(struct route route, SSL *ssl, const void *bytes,
                                              size_t size, size_t *done)
{
    const struct call call = {
        .openssl = route.openssl, .ssl = ssl, .is_ex = true, .is_write = size > 0};
    struct connection *connection = connection_of(route, ssl);
    if (size == 0 && write_nothing(&call) <= 0)
        return 0;
    if (size == 0 || connection == CONNECTION_PASS)
        return route.openssl->SSL_write_ex(ssl, bytes, size, done);
    int result = write_looked_at(connection, &call, bytes, size, done);
    if (result > 0 || !defer_tell_writer(&call))
        return result;
    *done = size;
    return 1;
}

int tls_write(struct route route, SSL *ssl, const void *bytes, int size)
{
    return connection_passes(route, ssl) && size > 0 ? route.openssl->SSL_write(ssl, bytes, size)
                                                     : write_int(route, ssl, bytes, size);
}

int tls_write_ex(struct route route, SSL *ssl, const void *bytes, size_t size, size_t *done)
{
    return connection_passes(route, ssl) && size > 0
               ? route.openssl->SSL_write_ex(ssl, bytes, size, done)
               : write_ex(route, ssl, bytes, size, done);
}

/* Bytes that nobody here sees: what was held goes before them, and nothing is looked at any more.
 */
ossl_ssize_t tls_sendfile(struct route route, SSL *ssl, int fd, off_t offset, size_t size,
                          int flags)
{
    struct connection *connection = connection_of(route, ssl);
    if (connection_is_ours(connection)) {
        struct call call = {.openssl = route.openssl, .ssl = ssl};
        connection_enter(connection);
        int result = connection_send(connection, &call);
        if (result <= 0) {
            connection_exit(connection);
            return result;
        }
        connection_leave(connection);
    } else if (defer_of(route, ssl)) {
        int result = defer_settle(&(struct call){.openssl = route.openssl, .ssl = ssl},
                                  VERDICT_CONNECT_NEEDED);
        if (result <= 0)
            return result;
    }
    return route.openssl->SSL_sendfile(ssl, fd, offset, size, flags);
}
