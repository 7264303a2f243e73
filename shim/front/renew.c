/* Renewal: see renew.h. */
#include "front/renew.h"

#include "base/log.h"
#include "exchange/context.h"
#include "front/dial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- whether ---- */

/* The first bytes to a proxy were not TLS, and they were not seen here. */
static bool is_direct(const struct connection *connection)
{
    return connection->peer.size > 0 &&
           dial_port(&connection->peer) == exchange_port(connection->exchange);
}

/* A thread that sleeps on it would be told that it hung up; to a child the connection is its
 * parent's, which shares the open file; and what the program itself has shut down stays so. */
static bool may_renew(const struct connection *connection)
{
    int shutdown = connection->openssl->SSL_get_shutdown(connection->ssl);
    return !(shutdown & SSL_SENT_SHUTDOWN) && is_direct(connection) &&
           connection->process == getpid() && wake_is_still(&connection->descriptor) &&
           wake_reaches_all(&connection->descriptor);
}

/* Whether the kernel has anything to tell: the usual case is that it has not. */
static bool is_stirring(const struct connection *connection, short *events)
{
    struct pollfd polled = {.fd = connection->descriptor.fd, .events = POLLIN | POLLRDHUP};
    bool has_events = libc_real()->poll(&polled, 1, 0) > 0;
    *events = polled.revents;
    /* Whoever waited may have read the close_notify before the end of the file came. */
    return has_events ||
           (connection->openssl->SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN);
}

/* Session tickets may lie before the end. What the program is to read is no end. */
static bool has_died(const struct connection *connection, struct ending *ending)
{
    enum { RECORDS = 8 };
    short events;
    for (int i = 0; i < RECORDS && is_stirring(connection, &events); i++) {
        enum peeked peeked = connection_peek(connection, ending);
        ending->is_reset |= (events & (POLLERR | POLLHUP)) != 0;
        if (peeked != PEEKED_NOTHING)
            return peeked == PEEKED_END;
    }
    return false;
}

/* ---- how ---- */

/* The peer of the SSL as the program came to trust it. */
struct peer_seen {
    struct trust trust;
    long verify_result;
};

static bool see_peer(struct connection *connection, struct peer_seen *seen)
{
    seen->verify_result = connection->openssl->SSL_get_verify_result(connection->ssl);
    return connection_front.trust(connection, &seen->trust);
}

/* Some programs looked at the certificate themselves, once, after the first handshake. */
static bool is_same_peer(struct connection *connection, const struct peer_seen *before)
{
    struct peer_seen now;
    return see_peer(connection, &now) &&
           memcmp(now.trust.digest, before->trust.digest, sizeof(now.trust.digest)) == 0 &&
           (now.verify_result == before->verify_result || now.verify_result == X509_V_OK);
}

/* The SSL is as it was before its first handshake: settings and callbacks stay, the session of a
 * broken connection does not. */
static bool clear(const struct connection *connection)
{
    const struct openssl *openssl = connection->openssl;
    CALLER_ENTER(openssl, connection->ssl);
    bool is_cleared = openssl->SSL_clear(connection->ssl) == 1;
    CALLER_LEAVE();
    openssl->BIO_clear_flags(openssl->SSL_get_rbio(connection->ssl), BIO_FLAGS_IN_EOF);
    return is_cleared;
}

static bool make_anew(struct connection *connection, const struct dial *dial)
{
    struct peer_seen before;
    return see_peer(connection, &before) && dial_dissolve(dial) && clear(connection) &&
           dial_connect(dial, &connection->peer) &&
           dial_handshake(dial, connection->openssl, connection->ssl) &&
           is_same_peer(connection, &before);
}

/* Nothing is connected any more: what was to be sent is lost, as on the connection that died. */
static void end(struct connection *connection, const struct dial *dial, const struct ending *ending)
{
    dial_dissolve(dial);
    clear(connection);
    connection->ending = *ending;
    exchange_sent(connection->exchange, exchange_held(connection->exchange).size);
}

/* On a new connection the program sees what happens: it is made anew once. `ended`: how and when
 * the old one did, for the log. */
static bool renew(struct connection *connection, const struct dial *dial,
                  const struct ending *ending, const char *ended)
{
    const struct openssl *openssl = connection->openssl;
    openssl->ERR_set_mark();
    bool is_new = make_anew(connection, dial);
    connection->idling = CONNECTION_IN_USE;
    connection->has_heard = false;
    if (!is_new)
        end(connection, dial, ending);
    openssl->ERR_pop_to_mark();
    log_line(LOG_INFO, "connection %s: %s", ended, is_new ? "made anew" : "there is no new one");
    return is_new;
}

static bool renew_idled(struct connection *connection, const struct dial *dial,
                        const struct ending *ending)
{
    return renew(connection, dial, ending,
                 ending->is_clean ? "closed while answers came from the cache"
                                  : "broken while answers came from the cache");
}

static bool begin(struct dial *dial, const struct connection *connection)
{
    int fd = connection->descriptor.fd;
    return dial_begin(dial, fd, dial_limit(fd, context_get()->config.connect_timeout_ms));
}

/* ---- when ---- */

void renew_idle(struct connection *connection)
{
    struct dial dial;
    struct ending ending = {0};
    short events;
    int saved = errno;
    if (is_stirring(connection, &events) && may_renew(connection) && begin(&dial, connection)) {
        if (has_died(connection, &ending))
            renew_idled(connection, &dial, &ending);
        dial_end(&dial);
    }
    errno = saved;
}

/* How it ends, or would: after a whole response. */
static struct ending ending_of(const struct connection *connection)
{
    struct ending ending;
    if (connection_peek(connection, &ending) != PEEKED_END)
        ending = (struct ending){.is_known = true, .is_clean = true};
    return ending;
}

void renew_needed(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct dial dial;
    bool is_new = false;
    int saved = errno;
    if (may_renew(connection) && begin(&dial, connection)) {
        struct ending ending = ending_of(connection);
        is_new = renew(connection, &dial, &ending, "closed before what must be asked first");
        dial_end(&dial);
    }
    if (is_new) {
        exchange_reconnected(exchange);
    } else {
        exchange_sent(exchange, exchange_held(exchange).size);
        exchange_feed_end(exchange, false);
    }
    errno = saved;
}

static bool send_again(struct connection *connection, const struct call *call,
                       const struct dial *dial)
{
    while (connection_send(connection, call) <= 0)
        if (!openssl_put_off(call->openssl, call->ssl) ||
            !dial_wait_for(dial, call->openssl, call->ssl))
            return false;
    return true;
}

bool renew_asked(struct connection *connection, const struct call *call, struct ending *ending,
                 int result)
{
    struct dial dial;
    int saved = errno;
    bool is_dead = result <= 0 && !openssl_put_off(call->openssl, call->ssl);
    bool has_begun = is_dead && may_renew(connection) && begin(&dial, connection);
    bool is_repeated = has_begun && exchange_repeat(connection->exchange);
    errno = saved;
    if (!is_repeated) {
        ending_dismiss(ending, call->openssl);
    } else {
        ending_note(ending, call->openssl, call->ssl, result);
        if (renew_idled(connection, &dial, ending) && !send_again(connection, call, &dial))
            end(connection, &dial, ending);
    }
    if (has_begun)
        dial_end(&dial);
    errno = saved;
    return is_repeated;
}
