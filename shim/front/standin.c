/* Stand-ins: see standin.h. */
#include "front/standin.h"
#include "front/brief.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PLACES = 256,
    SWEEP_EVERY = 1024 /* looks at descriptors that are not among them */
};

struct standin {
    bool is_taken;
    bool is_open;    /* when it was last looked at */
    bool is_awaited; /* the program has yet to wait until it is connected */
    struct standin_wait wait;
    struct descriptor descriptor; /* the number was its own when it was last looked at */
    struct dial_peer peer;
    struct linger linger; /* as the program set it */
};

static struct standin places[PLACES];
static unsigned places_used; /* places from here on were never taken */
static atomic_bool is_locked;
static atomic_uint misses;
static _Atomic pid_t owner; /* whose descriptors these are: a child of vfork has its own */
atomic_uint standin_count;
atomic_uint standin_awaited;
static atomic_uint gaps_begun;
static struct descriptor touched[PLACES]; /* made real for bytes past OpenSSL: the last ones */
static unsigned touches;
atomic_uint standin_gaps_ended;

static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

/* ---- the table ---- */

static bool lock(void)
{
    return brief_lock(&is_locked);
}

static void unlock(void)
{
    brief_unlock(&is_locked);
}

static bool is_held_by_fork; /* written by who has the lock */

void standin_before_fork(void)
{
    if (lock())
        is_held_by_fork = true;
}

/* Whoever else had the lock is not in the child. */
void standin_after_fork(bool is_child)
{
    bool was_held = is_child || is_held_by_fork;
    if (is_child && atomic_load(&owner) != 0)
        atomic_store(&owner, getpid());
    is_held_by_fork = false;
    if (is_child)
        atomic_store(&gaps_begun, atomic_load(&standin_gaps_ended));
    if (was_held)
        unlock();
}

/* Locked. */
static struct standin *find(const struct descriptor *descriptor)
{
    for (unsigned i = 0; i < places_used; i++)
        if (places[i].is_taken && wake_is_same_file(&places[i].descriptor, descriptor))
            return &places[i];
    return NULL;
}

/* Locked. */
static void drop(struct standin *place)
{
    place->is_taken = false;
    if (place->is_awaited)
        atomic_fetch_sub(&standin_awaited, 1);
    atomic_fetch_sub(&standin_count, 1);
}

/* As getdents64(2) gives them. */
struct entry {
    uint64_t inode;
    int64_t next;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Locked. Marks the places of the descriptors that the entries name. */
static void mark(const char *entries, long size)
{
    for (long at = 0; at < size;) {
        const struct entry *entry = (const void *)(entries + at);
        struct descriptor descriptor;
        struct standin *place = NULL;
        if (wake_identify((int)strtol(entry->name, NULL, 10), &descriptor))
            place = find(&descriptor);
        if (place) {
            place->descriptor = descriptor;
            place->is_open = true;
        }
        at += entry->size;
    }
}

/* Locked. Looks at all open descriptors, for a number may be closed while a duplicate is open;
 * false if they cannot be listed. By system calls, for readdir allocates. */
static bool mark_open(void)
{
    _Alignas(struct entry) char entries[2048];
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size = -1;
    while (fd >= 0 && (size = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
        mark(entries, size);
    if (fd >= 0)
        syscall(SYS_close, fd);
    return size == 0;
}

/* Locked. Marks those whose number is still theirs; false if that is not so of one. */
static bool mark_by_number(void)
{
    bool are_all_open = true;
    for (unsigned i = 0; i < places_used; i++) {
        struct standin *place = &places[i];
        place->is_open = !place->is_taken || wake_is_still(&place->descriptor);
        are_all_open &= place->is_open;
    }
    return are_all_open;
}

/* Locked. Forgets what the program has closed. */
static void sweep(void)
{
    int saved = errno;
    if (atomic_load(&owner) == getpid() && !mark_by_number() && mark_open())
        for (unsigned i = 0; i < places_used; i++)
            if (places[i].is_taken && !places[i].is_open)
                drop(&places[i]);
    errno = saved;
}

/* Locked until unlock, if there is one. */
static struct standin *enter(int fd, struct descriptor *descriptor)
{
    if (!standin_exists() || !wake_identify(fd, descriptor) || !lock())
        return NULL;
    struct standin *place = find(descriptor);
    if (!place && atomic_fetch_add(&misses, 1) % SWEEP_EVERY == SWEEP_EVERY - 1)
        sweep();
    if (!place)
        unlock();
    return place;
}

/* Locked. */
static struct standin *free_place(void)
{
    for (int tries = 0; tries < 2; tries++) {
        for (unsigned i = 0; i < PLACES; i++) {
            if (places[i].is_taken)
                continue;
            if (i >= places_used)
                places_used = i + 1;
            return &places[i];
        }
        sweep();
    }
    return NULL;
}

/* ---- what is asked ---- */

bool standin_find(int fd, struct descriptor *descriptor, struct dial_peer *peer)
{
    const struct standin *place = enter(fd, descriptor);
    if (!place)
        return false;
    *peer = place->peer;
    unlock();
    return true;
}

bool standin_peer(int fd, struct dial_peer *peer)
{
    struct descriptor descriptor;
    return standin_find(fd, &descriptor, peer);
}

/* ---- the program's time-out ---- */

bool standin_is_awaited(int fd)
{
    struct descriptor descriptor;
    const struct standin *place = enter(fd, &descriptor);
    bool is_awaited = place && place->is_awaited;
    if (place)
        unlock();
    return is_awaited;
}

void standin_note_wait(int fd, const struct standin_wait *wait)
{
    struct descriptor descriptor;
    int saved = errno;
    struct standin *place = enter(fd, &descriptor);
    if (place && place->is_awaited) {
        place->is_awaited = false;
        place->wait = *wait;
        atomic_fetch_sub(&standin_awaited, 1);
    }
    if (place)
        unlock();
    errno = saved;
}

void standin_note_blocking(int fd)
{
    struct descriptor descriptor;
    int saved = errno;
    struct standin *place = enter(fd, &descriptor);
    if (place) {
        place->wait.blocks_again = true;
        unlock();
    }
    errno = saved;
}

struct standin_wait standin_wait(int fd)
{
    struct descriptor descriptor;
    struct standin_wait wait = {0};
    const struct standin *place = enter(fd, &descriptor);
    if (place) {
        wait = place->wait;
        unlock();
    }
    return wait;
}

/* ---- making one ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool is_tcp(int fd)
{
    int protocol = 0;
    socklen_t size = sizeof(protocol);
    return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
           protocol == IPPROTO_TCP;
}

/* Bound to no address, for that would stay with the socket: only to a port, which does not. What is
 * bound, listens, is connected or about to be has a port, and cannot be bound again. */
static bool bind_to_port(int fd, int family, union address *own, socklen_t *size)
{
    *own = (union address){0};
    own->any.sa_family = (sa_family_t)family;
    *size = family == AF_INET ? sizeof(own->v4) : sizeof(own->v6);
    if (bind(fd, &own->any, *size) != 0 || libc_real()->getsockname(fd, &own->any, size) != 0)
        return false;
    if (family == AF_INET)
        own->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        own->v6.sin6_addr = in6addr_loopback;
    return (family == AF_INET ? own->v4.sin_port : own->v6.sin6_port) != 0;
}

static bool is_established(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_ESTABLISHED;
}

/* Of a socket that does not block the program is told that it is under way, though it is there when
 * the call returns. */
static bool connect_at_once(int fd, const union address *own, socklen_t size, int *result)
{
    *result = libc_real()->connect(fd, &own->any, size);
    int said = errno;
    bool is_made = (*result == 0 || said == EINPROGRESS) && is_established(fd);
    errno = said;
    return is_made;
}

/* Of one that blocks, that it is connected: so it says the second time. The first time it says so
 * of what waits for its first flight (TCP Fast Open). */
static bool connect_blocking(int fd, const union address *own, socklen_t size, int *result)
{
    *result = libc_real()->connect(fd, &own->any, size);
    if (*result == 0)
        return is_established(fd);
    if (errno == EINPROGRESS)
        *result = libc_real()->connect(fd, &own->any, size);
    return *result == 0;
}

/* Without waiting: should something drop what goes over the loopback, it cannot be had. *result is
 * what connect would return. */
static bool connect_to(int fd, const union address *own, socklen_t size, int *result)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return false;
    if (flags & O_NONBLOCK)
        return connect_at_once(fd, own, size, result);
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return false;
    bool is_made = connect_blocking(fd, own, size, result);
    fcntl(fd, F_SETFL, flags);
    return is_made;
}

/* errno is kept. */
static void dissolve(int fd)
{
    int saved = errno;
    dial_dissolve(&(struct dial){.fd = fd});
    errno = saved;
}

/* Its end is nobody's business: without this the kernel would remember it for a minute. */
static struct linger make_lightweight(int fd)
{
    struct linger linger = {0};
    socklen_t size = sizeof(linger);
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return linger;
}

/* Unless the program has set it meanwhile. */
static void restore_linger(int fd, const struct linger *linger)
{
    struct linger now = {0};
    socklen_t size = sizeof(now);
    if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &now, &size) == 0 && now.l_onoff && !now.l_linger)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, sizeof(*linger));
}

/* Locked. */
static void forget_touched(const struct descriptor *descriptor)
{
    for (unsigned i = 0; i < PLACES && i < touches; i++)
        if (wake_is_same_file(&touched[i], descriptor))
            touched[i] = (struct descriptor){0};
}

static bool keep(int fd, const struct dial_peer *peer, bool is_awaited)
{
    struct standin made = {.is_taken = true, .peer = *peer, .is_awaited = is_awaited};
    if (!wake_identify(fd, &made.descriptor) || !lock())
        return false;
    struct standin *place = free_place();
    if (place) {
        made.linger = make_lightweight(fd);
        forget_touched(&made.descriptor);
        atomic_store(&owner, getpid());
        *place = made;
        atomic_fetch_add(&standin_count, 1);
        atomic_fetch_add(&standin_awaited, is_awaited);
    }
    unlock();
    return place;
}

/* errno is that of connect. What was made in vain is dissolved; what the program has bound is not
 * touched. */
static bool make(int fd, const struct dial_peer *peer, int *result)
{
    union address own;
    socklen_t size;
    if (!bind_to_port(fd, peer->address.ss_family, &own, &size))
        return false;
    bool is_made = connect_to(fd, &own, size, result);
    int said = errno;
    is_made = is_made && keep(fd, peer, *result != 0);
    if (!is_made)
        dissolve(fd);
    errno = said;
    return is_made;
}

bool standin_make(int fd, const struct dial_peer *peer, int *result)
{
    return is_tcp(fd) && make(fd, peer, result);
}

/* Ruby has its sockets for IPv6 reach nothing else. That can be undone while it has no port. */
static void let_reach(int fd, const struct dial_peer *peer)
{
    static const int no = 0;
    struct sockaddr_in6 address;
    memcpy(&address, &peer->address, sizeof(address));
    if (address.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.sin6_addr))
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
}

bool standin_make_again(int fd, const struct dial_peer *peer)
{
    int result;
    int saved = errno;
    dissolve(fd);
    let_reach(fd, peer);
    bool is_made = make(fd, peer, &result);
    errno = saved;
    return is_made;
}

bool standin_ask(int fd, int *result)
{
    union address own = {0};
    socklen_t size = sizeof(own);
    struct dial_peer peer;
    if (!standin_peer(fd, &peer) || libc_real()->getsockname(fd, &own.any, &size) != 0)
        return false;
    *result = libc_real()->connect(fd, &own.any, size);
    return true;
}

/* ---- gaps ---- */

bool standin_was_gap(unsigned *mark)
{
    unsigned yields = BRIEF_PATIENCE;
    unsigned begun = atomic_load(&gaps_begun);
    if (begun == *mark)
        return false;
    while ((int)(atomic_load(&standin_gaps_ended) - begun) < 0 && yields-- > 0)
        sched_yield();
    *mark = begun;
    return true;
}

/* ---- ending one ---- */

static bool take(int fd, struct standin *taken)
{
    struct descriptor descriptor;
    struct standin *place = enter(fd, &descriptor);
    if (!place)
        return false;
    *taken = *place;
    drop(place);
    unlock();
    return true;
}

void standin_forget(int fd)
{
    struct standin forgotten;
    int saved = errno;
    if (take(fd, &forgotten))
        restore_linger(fd, &forgotten.linger);
    errno = saved;
}

/* False if another process that shares the file has made it real, or dissolved it. */
static bool is_connected_to_itself(int fd)
{
    union address own = {0}, peer = {0};
    socklen_t own_size = sizeof(own);
    socklen_t peer_size = sizeof(peer);
    return libc_real()->getsockname(fd, &own.any, &own_size) == 0 &&
           libc_real()->getpeername(fd, &peer.any, &peer_size) == 0 && own_size == peer_size &&
           memcmp(&own, &peer, own_size) == 0;
}

/* Whoever is told of an end meanwhile looks again. */
static bool cross_over(const struct dial *dial, const struct dial_peer *peer)
{
    atomic_fetch_add(&gaps_begun, 1);
    bool is_started = dial_dissolve(dial) && dial_start(dial, peer);
    atomic_fetch_add(&standin_gaps_ended, 1);
    return is_started;
}

static enum standin_result connect_and_wait(int fd, const struct dial_peer *peer, uint64_t limit_ms)
{
    struct dial dial;
    enum standin_result result = STANDIN_FAILED;
    if (!dial_begin(&dial, fd, limit_ms))
        return result;
    dial.heeds_signals = true;
    if (cross_over(&dial, peer))
        result = dial_finish(&dial) ? STANDIN_REPLACED
                 : errno == EINTR   ? STANDIN_INTERRUPTED
                                    : STANDIN_FAILED;
    int saved = errno;
    dial_end(&dial);
    errno = saved;
    return result;
}

enum standin_result standin_replace(int fd, uint64_t limit_ms, bool waits)
{
    struct standin standin;
    int saved = errno;
    if (!take(fd, &standin) || !is_connected_to_itself(fd)) {
        errno = saved;
        return STANDIN_NONE;
    }
    restore_linger(fd, &standin.linger);
    int flags = fcntl(fd, F_GETFL);
    enum standin_result result = STANDIN_FAILED;
    if (waits || flags < 0 || !(flags & O_NONBLOCK))
        result = connect_and_wait(fd, &standin.peer, limit_ms);
    else if (cross_over(&(struct dial){.fd = fd}, &standin.peer))
        result = STANDIN_REPLACED;
    if (result == STANDIN_FAILED)
        dissolve(fd);
    else
        errno = saved;
    return result;
}

/* ---- bytes past OpenSSL ---- */

enum standin_result standin_touch(int fd, uint64_t limit_ms)
{
    struct descriptor descriptor;
    bool is_known = wake_identify(fd, &descriptor);
    enum standin_result result = standin_replace(fd, limit_ms, false);
    bool is_real = result == STANDIN_REPLACED || result == STANDIN_INTERRUPTED;
    if (is_known && is_real && lock()) {
        touched[touches++ % PLACES] = descriptor;
        unlock();
    }
    return result;
}

bool standin_was_touched(const struct descriptor *descriptor)
{
    bool was_touched = false;
    if (!lock())
        return false;
    for (unsigned i = 0; i < PLACES && i < touches && !was_touched; i++)
        was_touched = wake_is_same_file(&touched[i], descriptor);
    unlock();
    return was_touched;
}
