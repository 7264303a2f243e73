/* Deferred connections that become real: see defer.h. */
#include "front/defer_parts.h"
#include "front/greeting.h"
#include "front/python.h"
#include "front/resolved.h"
#include "front/ruby.h"
#include "front/standin.h"
#include "front/unready.h"

#include "base/clock.h"
#include "exchange/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

bool defer_blocks(int fd)
{
    int saved = errno;
    int flags = fcntl(fd, F_GETFL);
    errno = saved;
    return flags >= 0 && !(flags & O_NONBLOCK);
}

/*
 * A program on a socket that does not block waits in its own loop, and some would for ever. While
 * the connection is under way nothing of it can be asked here, so that it is the kernel who ends
 * it.
 */
static void hurry(struct deferred *deferred, uint64_t limit_ms)
{
    unsigned limit = limit_ms < UINT_MAX ? (unsigned)limit_ms : UINT_MAX;
    unsigned own = 0;
    socklen_t size = sizeof(own);
    int fd = deferred->descriptor.fd;
    int saved = errno;
    deferred->is_hurried =
        getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &own, &size) == 0 && own == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof(limit)) == 0;
    errno = saved;
}

static void hurry_no_more(struct deferred *deferred)
{
    unsigned none = 0;
    int saved = errno;
    if (deferred->is_hurried && wake_is_still(&deferred->descriptor))
        setsockopt(deferred->descriptor.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof(none));
    deferred->is_hurried = false;
    errno = saved;
}

/* Python's, Ruby's and Perl's time-outs are for each address; PHP's is for all of them, and C's may
 * be. */
bool defer_go_on_to_next(const void *caller, bool ran_out, int fd, struct dial_peer *peer)
{
    enum caller_language language = caller_language(caller);
    struct dial_peer next;
    bool is_over = ran_out && (language == CALLER_PHP || language == CALLER_OTHER);
    if (is_over || !resolved_next(peer, &next))
        return false;
    standin_forget(fd);
    if (!standin_make_again(fd, &next))
        return false;
    *peer = next;
    return true;
}

/* ---- what came of it ---- */

/* Nobody was got through to: the program may try again, on the same SSL. errno is kept. */
static void wait_again(struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    int saved = errno;
    CALLER_ENTER(openssl, deferred->ssl);
    bool is_cleared = openssl->SSL_clear(deferred->ssl) == 1;
    CALLER_LEAVE();
    openssl->BIO_clear_flags(openssl->SSL_get_rbio(deferred->ssl), BIO_FLAGS_IN_EOF);
    /* Another thread may have closed it, and the number be another file's. */
    if (is_cleared && wake_is_still(&deferred->descriptor) &&
        standin_make_again(deferred->descriptor.fd, &deferred->peer)) {
        openssl->SSL_set_verify_result(deferred->ssl, deferred->verify_result);
        deferred->phase = DEFER_WAITING;
    } else {
        defer_end(deferred);
    }
    errno = saved;
}

static int fail(struct deferred *deferred)
{
    deferred->failure = errno;
    defer_report(&deferred->endpoint, VERDICT_CONNECT_FAILED);
    wait_again(deferred);
    return -1;
}

/* The program was told of it: to that program the connection is a broken one from now on, to poll
 * as to the calls on the SSL. Some do not look at what a write says, and write for ever. */
static void break_off(struct deferred *deferred)
{
    int fd = deferred->descriptor.fd;
    if (deferred->phase != DEFER_WAITING)
        return;
    deferred->phase = DEFER_BROKEN;
    deferred->broken_by = deferred->failure;
    if (wake_is_still(&deferred->descriptor)) {
        standin_forget(fd);
        dial_dissolve(&(struct dial){.fd = fd});
    }
}

/* OpenSSL says why, and the SSL is not to be used any more. */
static int refuse(struct deferred *deferred, unsigned long error)
{
    defer_report(&deferred->endpoint, VERDICT_CONNECT_FAILED);
    deferred->is_refused = ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    defer_end(deferred);
    return -1;
}

static int lose(struct deferred *deferred)
{
    deferred->failure = ECONNRESET;
    errno = ECONNRESET;
    return -1;
}

/* Whoever this is, the program was shown somebody else: as if the connection had been reset. The
 * next one sees this one. */
static int reject(struct deferred *deferred)
{
    struct peer_address address;
    defer_report(&deferred->endpoint, VERDICT_CONNECT_CHANGED);
    if (greeting_address(&deferred->peer, &address))
        peer_forget(context_get()->cache, &address);
    if (wake_is_still(&deferred->descriptor))
        dial_dissolve(&(struct dial){.fd = deferred->descriptor.fd});
    deferred->is_refused = true;
    defer_end(deferred);
    return lose(deferred);
}

/* OpenSSL asks itself by a function that is hooked, too. */
static bool is_same_peer(const struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    CALLER_ENTER(openssl, deferred->ssl);
    X509 *now = openssl->get_peer_certificate(deferred->ssl);
    CALLER_LEAVE();
    bool is_same = defer_is_shown(deferred, now);
    openssl->X509_free(now);
    return is_same;
}

/* ---- the real handshake ---- */

static void begin_phase(struct deferred *deferred, uint64_t time_out_ms)
{
    uint64_t usual_ms = context_get()->config.connect_timeout_ms;
    uint64_t limit_ms = defer_connect_limit(deferred->descriptor.fd, time_out_ms);
    if (time_out_ms == 0 && limit_ms < usual_ms)
        limit_ms = usual_ms;
    deferred->is_limited = time_out_ms > 0;
    deferred->deadline_ms = clock_milliseconds() + limit_ms;
}

static void wait_for_handshake(struct deferred *deferred)
{
    if (!deferred->is_connected)
        begin_phase(deferred, deferred->limits_handshake ? deferred->time_out_ms : 0);
    deferred->is_connected = true;
}

/* In the program's loop: its result is the call's. */
static int greet(struct deferred *deferred)
{
    defer_spare_callbacks(deferred);
    CALLER_ENTER(deferred->openssl, deferred->ssl);
    int result = deferred->openssl->SSL_do_handshake(deferred->ssl);
    CALLER_LEAVE();
    defer_restore_callbacks(deferred);
    if (deferred->openssl->SSL_want(deferred->ssl) == SSL_READING)
        wait_for_handshake(deferred);
    return result;
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/*
 * A program that writes does not expect to be told that it must wait until it can read (PHP gives
 * up): it is told to write again, and waits for that by poll or select, so that its own time-outs
 * count (unready.h). But what epoll reports is registered, and a program in C that uses it is told
 * the truth.
 */
static void put_off_writer(struct deferred *deferred)
{
    uint64_t until_ms = deferred->is_limited ? deferred->deadline_ms : UNREADY_ENDLESS;
    bool waits_to_read = deferred->openssl->SSL_want(deferred->ssl) == SSL_READING;
    if (waits_to_read && atomic_load(&epoll_is_used) && caller_waits_to_read(deferred->caller))
        return;
    deferred->told = SSL_ERROR_WANT_WRITE;
    if (waits_to_read || until_ms < UNREADY_ENDLESS)
        unready_begin(&deferred->descriptor, &(struct unready){waits_to_read, until_ms});
}

static bool waits_for_peer(const struct deferred *deferred)
{
    return openssl_put_off(deferred->openssl, deferred->ssl) &&
           deferred->openssl->SSL_want(deferred->ssl) == SSL_READING;
}

/* Mostly the handshake takes but a moment, which is waited for here. */
static int greet_writing(struct deferred *deferred)
{
    enum { MOMENT_MS = 40 };
    struct pollfd polled = {.fd = deferred->descriptor.fd, .events = POLLIN};
    uint64_t now_ms = clock_milliseconds();
    uint64_t end_ms = earlier(now_ms + MOMENT_MS, deferred->deadline_ms);
    int result = greet(deferred);
    while (result <= 0 && waits_for_peer(deferred) && now_ms < end_ms &&
           libc_real()->poll(&polled, 1, (int)(end_ms - now_ms)) != 0) {
        result = greet(deferred);
        now_ms = clock_milliseconds();
    }
    if (result <= 0 && openssl_put_off(deferred->openssl, deferred->ssl))
        put_off_writer(deferred);
    return result;
}

static int greet_until(struct deferred *deferred, uint64_t limit_ms)
{
    struct dial dial;
    if (!dial_begin(&dial, deferred->descriptor.fd, limit_ms))
        return -1;
    dial.heeds_signals = true;
    defer_spare_callbacks(deferred);
    bool is_done = dial_handshake(&dial, deferred->openssl, deferred->ssl);
    int saved = errno;
    defer_restore_callbacks(deferred);
    dial_end(&dial);
    errno = saved;
    return is_done ? 1 : -1;
}

/* How the call that needs the connection waits for it. */
enum patience { NOT_AT_ALL, WHILE_WRITING, UNTIL_DONE };

/* `interrupted` has the signal that ended the wait for the connection, or for the handshake. */
static int try_greeting(struct deferred *deferred, enum patience patience, bool *interrupted)
{
    uint64_t now_ms = clock_milliseconds();
    uint64_t left_ms = now_ms < deferred->deadline_ms ? deferred->deadline_ms - now_ms : 0;
    if (patience == NOT_AT_ALL)
        return greet(deferred);
    if (patience == WHILE_WRITING)
        return greet_writing(deferred);
    int result = greet_until(deferred, *interrupted ? 0 : left_ms);
    *interrupted |= result != 1 && errno == EINTR;
    *interrupted &= left_ms > 0;
    return result;
}

static int succeed(struct deferred *deferred)
{
    deferred->openssl->SSL_set_verify_result(deferred->ssl, deferred->verify_result);
    defer_report(&deferred->endpoint, deferred->why);
    defer_end(deferred);
    return 1;
}

static int go_on_greeting(struct deferred *deferred, enum patience patience, bool interrupted)
{
    const struct openssl *openssl = deferred->openssl;
    unsigned long before = openssl->ERR_peek_last_error();
    int result = try_greeting(deferred, patience, &interrupted);
    unsigned long error = openssl->ERR_peek_last_error();
    bool is_put_off = result != 1 && openssl_put_off(openssl, deferred->ssl);
    if (is_put_off && interrupted) {
        /* As when the signal had interrupted OpenSSL in sending. */
        deferred->told = SSL_ERROR_WANT_WRITE;
        errno = EINTR;
        return -1;
    }
    if (is_put_off && patience != UNTIL_DONE && clock_milliseconds() < deferred->deadline_ms)
        return -1;
    hurry_no_more(deferred);
    unready_end(&deferred->descriptor);
    if (result == 1)
        return is_same_peer(deferred) ? succeed(deferred) : reject(deferred);
    if (is_put_off) {
        deferred->told = 0;
        errno = ETIMEDOUT;
        return fail(deferred);
    }
    return error != before ? refuse(deferred, error) : fail(deferred);
}

/* 1 when the connection is there, or on its way. */
static int connect_really(struct deferred *deferred, enum patience patience, enum verdict why,
                          bool *interrupted)
{
    uint64_t limit_ms = defer_connect_limit(deferred->descriptor.fd, deferred->time_out_ms);
    deferred->why = why;
    deferred->is_connected = false;
    begin_phase(deferred, deferred->time_out_ms);
    enum standin_result result =
        standin_replace(deferred->descriptor.fd, limit_ms, patience == UNTIL_DONE);
    if (result == STANDIN_FAILED)
        return fail(deferred);
    if (result == STANDIN_NONE && !standin_was_touched(&deferred->descriptor)) {
        /* Another process has made it its own, or the program has shut it down. */
        defer_end(deferred);
        return lose(deferred);
    }
    if (patience != UNTIL_DONE)
        hurry(deferred, limit_ms);
    else if (result != STANDIN_INTERRUPTED)
        wait_for_handshake(deferred);
    *interrupted = result == STANDIN_INTERRUPTED;
    deferred->phase = DEFER_GREETING;
    return 1;
}

static int try_to_settle(struct deferred *deferred, enum patience patience, enum verdict why)
{
    bool interrupted = false;
    deferred->told = 0;
    deferred->failure = 0;
    deferred->is_untold = false;
    unready_end(&deferred->descriptor);
    if (deferred->phase == DEFER_BROKEN) {
        deferred->failure = deferred->broken_by;
        errno = deferred->failure;
        return -1;
    }
    python_withdraw();
    if (deferred->phase == DEFER_WAITING &&
        connect_really(deferred, patience, why, &interrupted) < 0)
        return -1;
    return go_on_greeting(deferred, patience, interrupted);
}

static bool ran_out(const struct deferred *deferred)
{
    return deferred->failure == ETIMEDOUT && deferred->is_limited;
}

/* Whoever is got through to is the one, also if he does not shake hands. */
static bool may_go_on(const struct deferred *deferred)
{
    return deferred->failure && deferred->phase == DEFER_WAITING && !deferred->is_connected;
}

static int settle(struct deferred *deferred, enum patience patience, enum verdict why)
{
    int result = try_to_settle(deferred, patience, why);
    for (int tries = 1; result <= 0 && may_go_on(deferred) && tries < RESOLVED_ADDRESSES &&
                        defer_go_on_to_next(deferred->caller, ran_out(deferred),
                                            deferred->descriptor.fd, &deferred->peer);
         tries++)
        result = try_to_settle(deferred, patience, why);
    return result;
}

/* A program whose module waits in its own calls, on a socket that does not block, to keep its
 * time-outs. It would have waited for the connection in connect, as long as that one allows, and
 * whatever time-out it has for writing: so it is made to wait here. (Ruby's other threads would
 * have to wait, too: its module lets nobody in meanwhile.) */
static bool waits_in_call(const struct deferred *deferred)
{
    enum caller_language language = caller_language(deferred->caller);
    return deferred->time_out_ms > 0 &&
           (language == CALLER_PYTHON || language == CALLER_PERL || language == CALLER_PHP);
}

static enum patience patience_of(const struct deferred *deferred, enum patience at_most)
{
    if (defer_blocks(deferred->descriptor.fd))
        return UNTIL_DONE;
    return at_most == WHILE_WRITING && waits_in_call(deferred) ? UNTIL_DONE : at_most;
}

static struct deferred *find(const struct openssl *openssl, const SSL *ssl)
{
    return defer_of((struct route){openssl, false}, ssl);
}

/* SSL_write_ex and its kin can say no more than that they failed, and not everybody looks at errno
 * then: so it stands in the queue, too, as OpenSSL's own BIO that connects leaves it there. */
static void queue(const struct deferred *deferred, const struct call *call)
{
    if (call->is_ex)
        openssl_queue_error(call->openssl, ERR_LIB_SYS, deferred->failure);
    errno = deferred->failure;
}

/* What the program's call returns when there is no connection. What a write is to say shows at its
 * end: it may be answered all the same. */
static int say(struct deferred *deferred, const struct call *call)
{
    deferred->is_untold = call->is_write && deferred->failure;
    if (deferred->failure && !call->is_write)
        queue(deferred, call);
    return call->is_ex ? 0 : -1;
}

bool defer_tell(const void *caller, const struct python_failure *failure)
{
    enum caller_language language = caller_language(caller);
    if (language == CALLER_RUBY && failure->error == ETIMEDOUT)
        ruby_raise_time_out();
    return language == CALLER_PYTHON && python_raise(failure);
}

bool defer_tell_writer(const struct call *call)
{
    struct deferred *deferred = defer_attached(call->openssl, call->ssl);
    if (!deferred || !deferred->is_untold)
        return false;
    const struct python_failure failure = {.error = deferred->failure,
                                           .ran_out = ran_out(deferred),
                                           .in_handshake = deferred->is_connected};
    deferred->is_untold = false;
    break_off(deferred);
    if (defer_tell(deferred->caller, &failure))
        return true;
    queue(deferred, call);
    return false;
}

int defer_settle(const struct call *call, enum verdict why)
{
    struct deferred *deferred = find(call->openssl, call->ssl);
    if (!deferred || settle(deferred, patience_of(deferred, WHILE_WRITING), why) > 0)
        return 1;
    return say(deferred, call);
}

bool defer_settle_at_once(struct route route, const SSL *ssl)
{
    struct deferred *deferred = defer_of(route, ssl);
    int saved = errno;
    if (!deferred)
        return true;
    route.openssl->ERR_set_mark();
    bool is_real = settle(deferred, UNTIL_DONE, VERDICT_CONNECT_TOUCHED) > 0;
    route.openssl->ERR_pop_to_mark();
    errno = saved;
    return is_real;
}

int defer_go_on(struct deferred *deferred)
{
    return deferred->phase == DEFER_WAITING
               ? 1
               : settle(deferred, patience_of(deferred, NOT_AT_ALL), VERDICT_CONNECT_NEEDED);
}

/* ---- the end of TLS ---- */

/* The peer answers with its own end as soon as it is asked: reading finds that, and who waits for
 * it in poll is woken. */
int defer_shutdown(struct route route, SSL *ssl)
{
    const struct openssl *openssl = route.openssl;
    const struct deferred *deferred = find(openssl, ssl);
    bool was_sent = openssl->SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN;
    bool is_over = was_sent || openssl->SSL_get_quiet_shutdown(ssl);
    openssl->SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | (is_over ? SSL_RECEIVED_SHUTDOWN : 0));
    if (deferred && !is_over && deferred->phase == DEFER_WAITING &&
        wake_is_still(&deferred->descriptor)) {
        int saved = errno;
        libc_real()->shutdown(deferred->descriptor.fd, SHUT_RD);
        errno = saved;
    }
    return is_over;
}

/* ---- reading where nothing can have come ---- */

/* The program has ended TLS, and waits for the peer to do so: as if that had. */
static bool is_shut_down(const struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    int shutdown = openssl->SSL_get_shutdown(deferred->ssl);
    if (deferred->phase != DEFER_WAITING || !(shutdown & SSL_SENT_SHUTDOWN))
        return false;
    openssl->SSL_set_shutdown(deferred->ssl, shutdown | SSL_RECEIVED_SHUTDOWN);
    return true;
}

int defer_read(const struct call *call)
{
    struct deferred *deferred = find(call->openssl, call->ssl);
    if (!deferred)
        return 1;
    if (is_shut_down(deferred)) {
        deferred->told = SSL_ERROR_ZERO_RETURN;
        deferred->failure = 0;
        return 0;
    }
    if (deferred->phase == DEFER_WAITING && !defer_blocks(deferred->descriptor.fd)) {
        deferred->told = SSL_ERROR_WANT_READ;
        deferred->failure = 0;
        python_withdraw();
        errno = EAGAIN;
    } else if (settle(deferred, patience_of(deferred, NOT_AT_ALL), VERDICT_CONNECT_TOUCHED) > 0) {
        return 1;
    }
    return say(deferred, call);
}

int defer_told(struct route route, const SSL *ssl)
{
    const struct deferred *deferred = defer_of(route, ssl);
    return deferred ? deferred->told : 0;
}

void defer_forget_told(struct route route, const SSL *ssl)
{
    struct deferred *deferred = defer_of(route, ssl);
    if (deferred)
        deferred->told = 0;
}

bool defer_has_failed(const struct openssl *openssl, const SSL *ssl)
{
    const struct deferred *deferred = defer_attached(openssl, ssl);
    return deferred && deferred->failure;
}

bool defer_is_refused(const struct openssl *openssl, const SSL *ssl)
{
    const struct deferred *deferred = defer_attached(openssl, ssl);
    return deferred && deferred->is_refused;
}
