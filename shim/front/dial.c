/* Dialling: see dial.h. */
#include "front/dial.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool dial_is_tcp(int fd)
{
    return option_of(fd, SO_TYPE) == SOCK_STREAM && option_of(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

struct dial_peer dial_peer_of(int fd)
{
    struct dial_peer peer = {.size = sizeof(peer.address)};
    if (!dial_is_tcp(fd) || getpeername(fd, (struct sockaddr *)&peer.address, &peer.size) != 0 ||
        (peer.address.ss_family != AF_INET && peer.address.ss_family != AF_INET6))
        peer.size = 0;
    return peer;
}

unsigned dial_port(const struct dial_peer *peer)
{
    const void *address = &peer->address;
    if (peer->address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
}

/* ---- the frame ---- */

/* The program's own time-out; 0: none. */
static uint64_t time_out_of(int fd, int option)
{
    struct timeval timeout = {0};
    socklen_t size = sizeof(timeout);
    if (getsockopt(fd, SOL_SOCKET, option, &timeout, &size) != 0)
        return 0;
    return (uint64_t)timeout.tv_sec * 1000 + (uint64_t)timeout.tv_usec / 1000;
}

static uint64_t shorter(uint64_t limit_ms, uint64_t own_ms)
{
    return own_ms > 0 && own_ms < limit_ms ? own_ms : limit_ms;
}

uint64_t dial_limit(int fd, uint64_t default_ms)
{
    uint64_t limit_ms =
        shorter(shorter(UINT64_MAX, time_out_of(fd, SO_RCVTIMEO)), time_out_of(fd, SO_SNDTIMEO));
    return limit_ms < UINT64_MAX ? limit_ms : default_ms;
}

bool dial_begin(struct dial *dial, int fd, uint64_t limit_ms)
{
    *dial = (struct dial){.fd = fd, .flags = fcntl(fd, F_GETFL)};
    if (dial->flags < 0 || fcntl(fd, F_SETFL, dial->flags | O_NONBLOCK) != 0)
        return false;
    limit_ms = shorter(limit_ms, time_out_of(fd, SO_RCVTIMEO));
    limit_ms = shorter(limit_ms, time_out_of(fd, SO_SNDTIMEO));
    dial->deadline_us = clock_microseconds() + limit_ms * 1000;
    sigpipe_hush(&dial->sigpipe);
    return true;
}

void dial_end(const struct dial *dial)
{
    sigpipe_restore(&dial->sigpipe);
    fcntl(dial->fd, F_SETFL, dial->flags);
}

/* ---- waiting ---- */

/* Raised by what a thread itself does, not while it waits. */
static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
           signal == SIGTRAP || signal == SIGSYS || signal == SIGABRT;
}

/* Which signal it was is not told. Where some restart what they interrupt and others do not, the
 * program may not be prepared for it: it is told of none. */
static bool interrupts(void)
{
    bool is_any_caught = false;
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action;
        if (is_fault(signal) || sigaction(signal, NULL, &action) != 0 ||
            action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
            continue;
        if (action.sa_flags & SA_RESTART)
            return false;
        is_any_caught = true;
    }
    return is_any_caught;
}

bool dial_wait(const struct dial *dial, short events)
{
    struct pollfd polled = {.fd = dial->fd, .events = events};
    for (;;) {
        uint64_t now_us = clock_microseconds();
        uint64_t left_ms =
            now_us < dial->deadline_us ? (dial->deadline_us - now_us + 999) / 1000 : 0;
        int ready = left_ms == 0
                        ? 0
                        : libc_real()->poll(&polled, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        bool was_interrupted = ready < 0 && errno == EINTR;
        if (left_ms == 0)
            errno = ETIMEDOUT;
        else if (was_interrupted && dial->heeds_signals && interrupts())
            errno = EINTR;
        else if (ready == 0 || was_interrupted)
            continue;
        return ready > 0;
    }
}

bool dial_wait_for(const struct dial *dial, const struct openssl *openssl, const SSL *ssl)
{
    switch (openssl->SSL_want(ssl)) {
    case SSL_READING:
        return dial_wait(dial, POLLIN);
    case SSL_WRITING:
        return dial_wait(dial, POLLOUT);
    default:
        return false;
    }
}

/* ---- the steps ---- */

bool dial_dissolve(const struct dial *dial)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    return libc_real()->connect(dial->fd, &nobody, sizeof(nobody)) == 0;
}

bool dial_start(const struct dial *dial, const struct dial_peer *peer)
{
    return libc_real()->connect(dial->fd, (const struct sockaddr *)&peer->address, peer->size) ==
               0 ||
           errno == EINPROGRESS;
}

bool dial_finish(const struct dial *dial)
{
    if (!dial_wait(dial, POLLOUT))
        return false;
    errno = option_of(dial->fd, SO_ERROR);
    return errno == 0;
}

bool dial_connect(const struct dial *dial, const struct dial_peer *peer)
{
    return dial_start(dial, peer) && dial_finish(dial);
}

bool dial_handshake(const struct dial *dial, const struct openssl *openssl, SSL *ssl)
{
    for (;;) {
        CALLER_ENTER(openssl, ssl);
        int result = openssl->SSL_do_handshake(ssl);
        CALLER_LEAVE();
        if (result == 1)
            return true;
        if (!openssl_put_off(openssl, ssl) || !dial_wait_for(dial, openssl, ssl))
            return false;
    }
}
