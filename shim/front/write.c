/*
 * What the program writes: held until the exchange says what becomes of it.
 *
 * A write that OpenSSL puts off ("want write") is absorbed all the same: the exchange has the
 * bytes. The program is told the truth, comes again with them, and is told then that they were
 * written.
 */
#include "front/tls.h"

#include <errno.h>

/* The program's bytes go to the exchange; afterwards `absorbed` of them need no second feeding. */
static void feed(struct connection *connection, const uint8_t *bytes, size_t taken, size_t size)
{
    bool is_lost = false;
    if (connection->wake)
        wake_lock(connection->wake);
    enum exchange_verdict verdict =
        exchange_feed_request(connection->exchange, bytes + taken, size - taken, &is_lost);
    if (connection->wake)
        wake_unlock(connection->wake);
    connection->absorbed = is_lost ? taken : size;
    connection->is_sending = verdict == EXCHANGE_FORWARD || verdict == EXCHANGE_PASS;
    connection->is_leaving = verdict == EXCHANGE_PASS;
    connection->was_answered = true;
    connection_update_wake(connection);
}

/* 1 when nothing is left to be sent. */
static int finish_sending(struct connection *connection, const struct call *call)
{
    if (!connection->is_sending)
        return 1;
    connection->was_answered = false;
    int result = connection_send(connection, call);
    if (result > 0)
        connection->is_sending = false;
    return result;
}

static size_t taken_of(const struct connection *connection, size_t size)
{
    return connection->absorbed < size ? connection->absorbed : size;
}

/* After the exchange has given up. What it never took goes the real way, if it can go at once. */
static int leave(struct connection *connection, const struct call *call, const uint8_t *bytes,
                 size_t taken, size_t size, size_t *done)
{
    size_t more = 0;
    *done = taken;
    if (connection->absorbed > 0)
        return 1;
    connection_leave(connection);
    if (taken == size)
        return 1;
    int result = connection_write(call, bytes + taken, size - taken, &more);
    *done = taken + more;
    return taken > 0 ? 1 : result;
}

static int write_ours(struct connection *connection, const struct call *call, const void *bytes,
                      size_t size, size_t *done)
{
    int result = finish_sending(connection, call);
    if (result > 0 && !connection->is_leaving && connection->absorbed < size) {
        feed(connection, bytes, connection->absorbed, size);
        result = finish_sending(connection, call);
    }
    if (result <= 0)
        return result;
    size_t taken = taken_of(connection, size);
    connection->absorbed -= taken;
    if (connection->is_leaving)
        return leave(connection, call, bytes, taken, size, done);
    *done = size;
    return 1;
}

/* `connection` is that of the SSL, or NULL at its first bytes. */
static int write_looked_at(struct connection *connection, const struct call *call,
                           const void *bytes, size_t size, size_t *done)
{
    int result = connection ? 1 : connection_begin(call, bytes, size, &connection);
    if (result <= 0)
        return result;
    return connection == CONNECTION_PASS ? connection_write(call, bytes, size, done)
                                         : write_ours(connection, call, bytes, size, done);
}

int tls_write(struct route route, SSL *ssl, const void *bytes, int size)
{
    struct connection *connection = connection_of(route, ssl);
    if (connection == CONNECTION_PASS || size <= 0)
        return route.openssl->SSL_write(ssl, bytes, size);
    struct call call = {route.openssl, ssl, false};
    size_t done = 0;
    int result = write_looked_at(connection, &call, bytes, (size_t)size, &done);
    return result > 0 ? (int)done : result;
}

int tls_write_ex(struct route route, SSL *ssl, const void *bytes, size_t size, size_t *done)
{
    struct connection *connection = connection_of(route, ssl);
    if (connection == CONNECTION_PASS || size == 0)
        return route.openssl->SSL_write_ex(ssl, bytes, size, done);
    struct call call = {route.openssl, ssl, true};
    return write_looked_at(connection, &call, bytes, size, done);
}

/* Bytes that nobody here sees: what was held goes before them, and nothing is looked at any more.
 */
ossl_ssize_t tls_sendfile(struct route route, SSL *ssl, int fd, off_t offset, size_t size,
                          int flags)
{
    struct connection *connection = connection_of(route, ssl);
    if (connection_is_ours(connection)) {
        struct call call = {route.openssl, ssl, false};
        int result = connection_send(connection, &call);
        if (result <= 0)
            return result;
        connection_leave(connection);
    }
    return route.openssl->SSL_sendfile(ssl, fd, offset, size, flags);
}
