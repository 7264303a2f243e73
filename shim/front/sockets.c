/*
 * What programs do with sockets past OpenSSL: a connection to a known address is put off, and made
 * when the program sends something itself. What only looks is answered for its peer.
 *
 * A program that is told of no stand-in pays one load and one branch, and for connect a look at a
 * table of addresses.
 */
#include "front/await.h"
#include "front/defer_parts.h"
#include "front/greeting.h"

#include "base/clock.h"
#include "cache/peers.h"
#include "exchange/context.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- connect ---- */

static bool read_peer(const struct sockaddr *address, socklen_t size, struct dial_peer *peer)
{
    *peer = (struct dial_peer){.size = size};
    if (!address || size < sizeof(struct sockaddr_in) || size > sizeof(peer->address) ||
        (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return false;
    memcpy(&peer->address, address, size);
    return true;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How long after the origin's last word something of it may still be answered here: a response, or
 * a login. */
static uint64_t serves_for_ms(const struct config *config)
{
    uint64_t ttl_ms = config->ttl_ms;
    for (size_t i = 0; i < config->ttl_override_count; i++)
        ttl_ms = longer(ttl_ms, config->ttl_overrides[i].ttl_ms);
    return longer(ttl_ms + config->stale_if_error_ms, config->session_idle_ms);
}

/* This program once used such a connection without OpenSSL, or with OpenSSL beside the socket, as
 * Python's asyncio does: nothing is won by putting it off, and it is told of errors elsewhere. */
static atomic_bool is_bare;

static bool may_be_answered(const struct peer_address *address)
{
    const struct context *context = atomic_load(&is_bare) ? NULL : context_early();
    uint64_t answered_at;
    return context && !context->config.connects_eagerly &&
           peer_is_known(context->cache, address, &answered_at) &&
           clock_milliseconds() < answered_at + serves_for_ms(&context->config);
}

/* Whether any endpoint at that address is selected by VCACHE_HOSTS. */
static bool is_selected(const struct peer_address *address)
{
    const struct context *context = context_get();
    struct buffer record = {0};
    struct peer peer;
    bool is_selected = context && config_selects_all(&context->config);
    if (context && !is_selected && peer_recall(context->cache, address, &record) == CACHE_OK)
        for (size_t i = 0; !is_selected && peer_at(buffer_span(&record), i, &peer); i++)
            is_selected =
                config_selects(&context->config, peer.endpoint.name + sizeof("https://") - 1);
    buffer_free(&record);
    return is_selected;
}

/* What is kept of a place that calls connect. */
enum { FROM_PROGRAM = 1, FROM_LIBCURL };

static bool is_from_libcurl(const void *caller)
{
    uintptr_t from = caller_recall(callers_of_connect, (uintptr_t)caller);
    if (!from) {
        from = caller_is_libcurl(caller) ? FROM_LIBCURL : FROM_PROGRAM;
        caller_remember(callers_of_connect, (uintptr_t)caller, from);
    }
    return from == FROM_LIBCURL;
}

/* A program on another TLS library, or libcurl, which is answered at its own functions, would only
 * have its connection made later, and be told of errors in another place. */
static bool speaks_openssl(const void *caller)
{
    return openssl_is_loaded() && !is_from_libcurl(caller);
}

/* Whether *result is what connect returns, for the connection was put off. */
static bool put_off(int fd, const struct dial_peer *peer, const void *caller, int *result)
{
    struct peer_address address;
    int saved = errno;
    bool is_put_off = greeting_address(peer, &address) && may_be_answered(&address) &&
                      speaks_openssl(caller) && is_selected(&address) &&
                      standin_make(fd, peer, result);
    if (is_put_off && *result != 0)
        await_begin();
    if (!is_put_off || *result == 0)
        errno = saved;
    return is_put_off;
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    struct dial_peer peer;
    int result;
    if (!read_peer(address, size, &peer)) {
        /* To dissolve what is there. */
        if (standin_exists() && address && size >= sizeof(address->sa_family) &&
            address->sa_family == AF_UNSPEC)
            standin_forget(fd);
    } else if (put_off(fd, &peer, __builtin_return_address(0), &result) ||
               (standin_exists() && standin_ask(fd, &result))) {
        return result;
    }
    return libc_real()->connect(fd, address, size);
}

/* ---- what is sent, and what waits for the peer ---- */

/* The program uses the socket itself: there must be a connection. False: there is none, errno says
 * why. */
static bool touch(int fd)
{
    static const struct endpoint unknown;
    struct dial_peer peer;
    if (!standin_peer(fd, &peer))
        return true;
    atomic_store(&is_bare, true);
    defer_report(&unknown, VERDICT_CONNECT_BARE);
    return standin_touch(fd, dial_limit(fd, context_get()->config.connect_timeout_ms)) !=
           STANDIN_FAILED;
}

/* Reading from an idle connection, or looking whether there is something, says that there is
 * nothing, but for a program that would wait. */
static bool touch_to_read(int fd, int flags)
{
    if (flags & MSG_DONTWAIT)
        return true;
    int saved = errno;
    int status = fcntl(fd, F_GETFL);
    errno = saved;
    return (status >= 0 && status & O_NONBLOCK) || touch(fd);
}

#define SENDS(fd)                                                                                  \
    if (standin_exists() && !touch(fd))                                                            \
    return -1
#define READS(fd, flags)                                                                           \
    if (standin_exists() && !touch_to_read(fd, flags))                                             \
    return -1

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): its headers' names are its own
 */

EXPORT ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    SENDS(fd);
    return libc_real()->send(fd, bytes, size, flags);
}

EXPORT ssize_t sendto(int fd, const void *bytes, size_t size, int flags,
                      const struct sockaddr *address, socklen_t address_size)
{
    SENDS(fd);
    return libc_real()->sendto(fd, bytes, size, flags, address, address_size);
}

/* Descriptors that are passed on to another process. */
static bool touch_passed(const struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
         part = CMSG_NXTHDR((struct msghdr *)message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
            part->cmsg_len < CMSG_LEN(0))
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
            if (!touch(fd))
                return false;
        }
    }
    return true;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (standin_exists() && (!touch(fd) || (message && !touch_passed(message))))
        return -1;
    return libc_real()->sendmsg(fd, message, flags);
}

static bool touch_all_passed(const struct mmsghdr *messages, unsigned count)
{
    bool are_there = true;
    for (unsigned i = 0; are_there && messages && i < count; i++)
        are_there = touch_passed(&messages[i].msg_hdr);
    return are_there;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (standin_exists() && (!touch(fd) || !touch_all_passed(messages, count)))
        return -1;
    return libc_real()->sendmmsg(fd, messages, count, flags);
}

EXPORT ssize_t sendfile(int fd, int file, off_t *offset, size_t size)
{
    SENDS(fd);
    return libc_real()->sendfile(fd, file, offset, size);
}

EXPORT ssize_t sendfile64(int fd, int file, off64_t *offset, size_t size)
{
    SENDS(fd);
    return libc_real()->sendfile64(fd, file, offset, size);
}

/* A pipe is at one of its ends. */
EXPORT ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size,
                      unsigned flags)
{
    SENDS(to);
    READS(from, 0);
    return libc_real()->splice(from, from_offset, to, to_offset, size, flags);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    SENDS(fd);
    return libc_real()->write(fd, bytes, size);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    SENDS(fd);
    return libc_real()->writev(fd, parts, count);
}

/* With an offset of -1 these are writev and readv. */
EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    SENDS(fd);
    return libc_real()->pwritev2(fd, parts, count, offset, flags);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    SENDS(fd);
    return libc_real()->pwritev64v2(fd, parts, count, offset, flags);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    READS(fd, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0);
    return libc_real()->preadv2(fd, parts, count, offset, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    READS(fd, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0);
    return libc_real()->preadv64v2(fd, parts, count, offset, flags);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    READS(fd, flags);
    return libc_real()->recv(fd, bytes, size, flags);
}

EXPORT ssize_t __recv_chk(int fd, void *bytes, size_t size, size_t room, int flags)
{
    READS(fd, flags);
    return libc_real()->__recv_chk(fd, bytes, size, room, flags);
}

EXPORT ssize_t recvfrom(int fd, void *bytes, size_t size, int flags, struct sockaddr *address,
                        socklen_t *address_size)
{
    READS(fd, flags);
    return libc_real()->recvfrom(fd, bytes, size, flags, address, address_size);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *bytes, size_t size, size_t room, int flags,
                              struct sockaddr *address, socklen_t *address_size)
{
    READS(fd, flags);
    return libc_real()->__recvfrom_chk(fd, bytes, size, room, flags, address, address_size);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    READS(fd, flags);
    return libc_real()->recvmsg(fd, message, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    READS(fd, flags);
    return libc_real()->recvmmsg(fd, messages, count, flags, timeout);
}

EXPORT ssize_t read(int fd, void *bytes, size_t size)
{
    READS(fd, 0);
    return libc_real()->read(fd, bytes, size);
}

EXPORT ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room)
{
    READS(fd, 0);
    return libc_real()->__read_chk(fd, bytes, size, room);
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int count)
{
    READS(fd, 0);
    return libc_real()->readv(fd, parts, count);
}

/* Whatever the third argument is, it is passed on as it came: as libc's own does. */
#define PASSES_FCNTL(name)                                                                         \
    va_list list;                                                                                  \
    va_start(list, command);                                                                       \
    void *argument = va_arg(list, void *);                                                         \
    va_end(list);                                                                                  \
    if (standin_exists() && command == F_SETFL && !((uintptr_t)argument & O_NONBLOCK))             \
        standin_note_blocking(fd);                                                                 \
    return libc_real()->name(fd, command, argument)

EXPORT int fcntl(int fd, int command, ...)
{
    PASSES_FCNTL(fcntl);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    PASSES_FCNTL(fcntl64);
}

EXPORT int shutdown(int fd, int how)
{
    if (standin_exists())
        standin_forget(fd);
    return libc_real()->shutdown(fd, how);
}

/* ---- who is at the ends ---- */

/* As getpeername(2) has it: cut to what there is room for, and its whole size said. */
static void hand_out(const struct sockaddr_storage *found, socklen_t found_size,
                     struct sockaddr *address, socklen_t *size)
{
    memcpy(address, found, *size < found_size ? *size : found_size);
    *size = found_size;
}

EXPORT int getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
    struct dial_peer peer;
    if (!standin_exists() || !address || !size || !standin_peer(fd, &peer))
        return libc_real()->getpeername(fd, address, size);
    hand_out(&peer.address, peer.size, address, size);
    return 0;
}

/* The address that the kernel would choose, from which nothing is sent; the port is the stand-in's.
 */
static bool find_local(int fd, const struct dial_peer *peer, struct sockaddr_storage *local,
                       socklen_t *size)
{
    const struct libc *libc = libc_real();
    in_port_t port;
    *size = sizeof(*local);
    if (libc->getsockname(fd, (struct sockaddr *)local, size) != 0)
        return false;
    /* In both families the port lies where it lies in the one. */
    memcpy(&port, (const char *)local + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    int asked = socket(peer->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *size = sizeof(*local);
    bool is_found =
        asked >= 0 &&
        libc->connect(asked, (const struct sockaddr *)&peer->address, peer->size) == 0 &&
        libc->getsockname(asked, (struct sockaddr *)local, size) == 0;
    if (asked >= 0)
        close(asked);
    memcpy((char *)local + offsetof(struct sockaddr_in, sin_port), &port, sizeof(port));
    return is_found;
}

EXPORT int getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    struct dial_peer peer;
    struct sockaddr_storage local;
    socklen_t local_size;
    int saved = errno;
    if (!standin_exists() || !address || !size || !standin_peer(fd, &peer) ||
        !find_local(fd, &peer, &local, &local_size)) {
        errno = saved;
        return libc_real()->getsockname(fd, address, size);
    }
    errno = saved;
    hand_out(&local, local_size, address, size);
    return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
