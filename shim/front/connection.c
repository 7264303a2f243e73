/* Connections: see connection.h. */
#include "front/connection.h"
#include "front/defer.h"
#include "front/renew.h"
#include "front/standin.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct connection connection_passing;
_Thread_local struct passing connection_last_passing;
atomic_uint connection_detached;

static void hush(struct connection *connection)
{
    if (connection->wake)
        wake_withdraw(connection->wake);
    connection->wake = NULL;
}

/* ---- attached to the SSL ---- */

void connection_enter(struct connection *connection)
{
    if (connection->wake)
        wake_lock(connection->wake);
}

/* Entered before. */
static void end(struct connection *connection)
{
    int saved = errno;
    hush(connection);
    exchange_free(connection->exchange);
    free(connection);
    errno = saved;
}

/* OpenSSL frees the SSL. */
static void freed(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number,
                  void *argument)
{
    (void)parent, (void)all, (void)index, (void)number, (void)argument;
    if (data == CONNECTION_PASS)
        atomic_fetch_add(&connection_detached, 1);
    if (connection_is_ours(data)) {
        connection_enter(data);
        end(data);
    }
}

static int copied(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **data, int index,
                  long number, void *argument)
{
    (void)to, (void)from, (void)index, (void)number, (void)argument;
    *data = NULL;
    return 1;
}

int connection_index(const struct openssl *openssl)
{
    return openssl->CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, copied, freed);
}

static bool attach(const struct openssl *openssl, SSL *ssl, struct connection *connection)
{
    int saved = errno;
    openssl->ERR_set_mark();
    bool is_attached = openssl->SSL_set_ex_data(ssl, openssl->index, connection) == 1;
    openssl->ERR_pop_to_mark();
    errno = saved;
    return is_attached;
}

/* ---- beginnings and ends ---- */

/* A client's SSL on a socket of its own: not one on memory or custom BIOs. */
static bool find_socket(const struct openssl *openssl, const SSL *ssl,
                        struct descriptor *descriptor, struct dial_peer *peer)
{
    if (defer_socket(openssl, ssl, descriptor, peer))
        return true;
    openssl->ERR_set_mark();
    int fd = openssl->SSL_get_rfd(ssl);
    bool is_both = fd >= 0 && openssl->SSL_get_wfd(ssl) == fd && !openssl->SSL_is_server(ssl);
    openssl->ERR_pop_to_mark();
    if (!is_both || !wake_identify(fd, descriptor))
        return false;
    *peer = dial_peer_of(fd);
    return true;
}

static struct connection *begin(const struct openssl *openssl, SSL *ssl, const void *bytes,
                                size_t size)
{
    struct descriptor descriptor;
    struct dial_peer peer;
    if (exchange_recognise(bytes, size) == EXCHANGE_NOT_OURS ||
        !find_socket(openssl, ssl, &descriptor, &peer))
        return NULL;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return NULL;
    *connection = (struct connection){
        .openssl = openssl,
        .ssl = ssl,
        .descriptor = descriptor,
        .peer = peer,
        .process = getpid(),
    };
    connection->exchange = exchange_new(&connection_front, connection);
    if (connection->exchange && attach(openssl, ssl, connection))
        return connection;
    end(connection);
    return NULL;
}

/* What the real write would do first, and before it nobody knows who the peer is. */
static int shake_hands(const struct call *call, bool is_ours)
{
    struct route route = {call->openssl, false};
    int result = 1;
    if ((is_ours || standin_exists()) && !defer_of(route, call->ssl) &&
        !call->openssl->SSL_is_init_finished(call->ssl))
        result = defer_handshake(route, call->ssl, false, NULL);
    if (result > 0)
        return 1;
    return call->is_ex ? 0 : -1;
}

int connection_begin(const struct call *call, const void *bytes, size_t size,
                     struct connection **connection)
{
    const struct openssl *openssl = call->openssl;
    int result = shake_hands(call, exchange_recognise(bytes, size) != EXCHANGE_NOT_OURS);
    if (result <= 0)
        return result;
    int saved = errno;
    *connection = begin(openssl, call->ssl, bytes, size);
    errno = saved;
    if (*connection)
        return 1;
    result = defer_settle(call, VERDICT_CONNECT_NEEDED);
    if (result <= 0)
        return result;
    *connection = CONNECTION_PASS;
    attach(openssl, call->ssl, CONNECTION_PASS);
    return 1;
}

void connection_leave(struct connection *connection)
{
    /* Without a connection the real functions would begin a handshake with nobody. Otherwise
     * attached first: what is attached is never freed memory. */
    if (!connection->ending.is_known &&
        attach(connection->openssl, connection->ssl, CONNECTION_PASS))
        end(connection);
    else
        connection_exit(connection);
}

void connection_forget(struct route route, SSL *ssl)
{
    struct connection *connection = connection_of(route, ssl);
    if (!connection || route.passes || !attach(route.openssl, ssl, NULL))
        return;
    if (connection == CONNECTION_PASS) {
        atomic_fetch_add(&connection_detached, 1);
        return;
    }
    connection_enter(connection);
    end(connection);
}

/* Whether the kernel may call it readable for what no program sees: see wake_is_noise. */
static bool needs_watching(const struct connection *connection)
{
    struct route route = {connection->openssl, false};
    return !connection->has_heard && !defer_of(route, connection->ssl) &&
           connection->openssl->SSL_version(connection->ssl) == TLS1_3_VERSION;
}

void connection_exit(struct connection *connection)
{
    const struct exchange *exchange = connection->exchange;
    bool waits = exchange_answer_size(exchange) > 0 || exchange_is_at_end(exchange);
    if (!waits && !needs_watching(connection)) {
        hush(connection);
        return;
    }
    if (!connection->wake)
        connection->wake = wake_announce(&connection->descriptor, connection);
    if (!connection->wake)
        return;
    wake_show(connection->wake, waits);
    wake_unlock(connection->wake);
}

/* ---- what is not for the program ---- */

/* One record at most: without the mode OpenSSL comes back after each. */
enum peeked connection_peek(const struct connection *connection, struct ending *ending)
{
    const struct openssl *openssl = connection->openssl;
    SSL *ssl = connection->ssl;
    char byte;
    ending_expect(ending, openssl);
    CALLER_ENTER(openssl, ssl);
    long mode = openssl->SSL_ctrl(ssl, SSL_CTRL_MODE, 0, NULL);
    openssl->SSL_ctrl(ssl, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, NULL);
    int result = openssl->SSL_peek(ssl, &byte, 1);
    bool is_nothing = result <= 0 && openssl_put_off(openssl, ssl);
    openssl->SSL_ctrl(ssl, SSL_CTRL_MODE, mode & (long)SSL_MODE_AUTO_RETRY, NULL);
    CALLER_LEAVE();
    if (result <= 0 && !is_nothing) {
        ending_note(ending, openssl, ssl, result);
        return PEEKED_END;
    }
    ending_dismiss(ending, openssl);
    return is_nothing ? PEEKED_NOTHING : PEEKED_DATA;
}

bool connection_is_silent(const struct connection *connection)
{
    enum { RECORDS = 8 };
    struct pollfd polled = {.fd = connection->descriptor.fd, .events = POLLIN | POLLRDHUP};
    struct ending ending;
    bool is_silent = false;
    int saved = errno;
    for (int i = 0; i < RECORDS && !is_silent; i++) {
        is_silent = libc_real()->poll(&polled, 1, 0) == 0;
        if (!is_silent &&
            (polled.revents != POLLIN || connection_peek(connection, &ending) != PEEKED_NOTHING))
            break;
    }
    errno = saved;
    return is_silent;
}

/* ---- the real functions ---- */

static int in_one_int(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

int connection_write(const struct call *call, const void *bytes, size_t size, size_t *done)
{
    CALLER_ENTER(call->openssl, call->ssl);
    int result;
    if (call->is_ex) {
        result = call->openssl->SSL_write_ex(call->ssl, bytes, size, done);
    } else {
        result = call->openssl->SSL_write(call->ssl, bytes, in_one_int(size));
        *done = result > 0 ? (size_t)result : 0;
    }
    CALLER_LEAVE();
    return result > 0 ? 1 : result;
}

int connection_read(const struct call *call, void *bytes, size_t size, bool peeks, size_t *done)
{
    const struct openssl *openssl = call->openssl;
    CALLER_ENTER(openssl, call->ssl);
    int result;
    if (call->is_ex) {
        result = peeks ? openssl->SSL_peek_ex(call->ssl, bytes, size, done)
                       : openssl->SSL_read_ex(call->ssl, bytes, size, done);
    } else {
        result = peeks ? openssl->SSL_peek(call->ssl, bytes, in_one_int(size))
                       : openssl->SSL_read(call->ssl, bytes, in_one_int(size));
        *done = result > 0 ? (size_t)result : 0;
    }
    CALLER_LEAVE();
    return result > 0 ? 1 : result;
}

/* The request is on its way again if the write found its connection dead. */
static int write_asked(struct connection *connection, const struct call *call, struct span held,
                       size_t *done)
{
    struct ending ending;
    ending_expect(&ending, call->openssl);
    int result = connection_write(call, held.data, held.size, done);
    return renew_asked(connection, call, &ending, result) ? 1 : result;
}

/*
 * OpenSSL wants a write that was put off to be repeated with the same bytes at the same place:
 * they stay where they are until exchange_sent.
 */
static int send_held(struct connection *connection, const struct call *call)
{
    for (;;) {
        struct span held = exchange_held(connection->exchange);
        if (connection->ending.is_known) {
            exchange_sent(connection->exchange, held.size);
            return ending_of_write(&connection->ending, call);
        }
        if (held.size == 0)
            return 1;
        size_t done = 0;
        int result = connection->idling == CONNECTION_ASKED
                         ? write_asked(connection, call, held, &done)
                         : connection_write(call, held.data, held.size, &done);
        if (result <= 0)
            return result;
        exchange_sent(connection->exchange, done);
    }
}

/* A connection that is made now has not idled. One that was made to somebody who is refused has
 * ended. */
static int settle(struct connection *connection, const struct call *call)
{
    struct route route = {call->openssl, false};
    if (!defer_of(route, call->ssl))
        return 1;
    int result = defer_settle(call, VERDICT_CONNECT_NEEDED);
    connection->idling = CONNECTION_IN_USE;
    connection->has_heard = false;
    if (result <= 0 && defer_is_refused(call->openssl, call->ssl))
        connection->ending =
            (struct ending){.is_known = true, .is_reset = true, .result = -1, .number = ECONNRESET};
    return result;
}

int connection_send(struct connection *connection, const struct call *call)
{
    struct sigpipe sigpipe;
    int settled = settle(connection, call);
    if (settled <= 0)
        return settled;
    exchange_reached(connection->exchange);
    if (connection->idling == CONNECTION_IDLED) {
        connection->idling = CONNECTION_ASKED;
        renew_idle(connection);
    }
    if (exchange_needs_connection(connection->exchange))
        renew_needed(connection);
    if (!exchange_is_due(connection->exchange))
        return send_held(connection, call);
    sigpipe_hush(&sigpipe);
    int result = send_held(connection, call);
    sigpipe_restore(&sigpipe);
    return result;
}
