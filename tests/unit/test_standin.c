/* Stand-ins: sockets connected to themselves, and what becomes of them, with the hooks linked in.
 */
#include "unit.h"

#include "front/standin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_MS = 10000 };

/* A time-out that is waited for; but who is there is reached in it, on a busy machine, too. */
static const struct timeval soon = {.tv_usec = 300000};

/* ---- a peer ---- */

static int listen_at(int family, struct dial_peer *peer)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const void *address = family == AF_INET ? (const void *)&v4 : &v6;
    socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
    if (fd < 0 || bind(fd, address, size) != 0)
        skip();
    assert_int_equal(listen(fd, 8), 0);
    *peer = (struct dial_peer){.size = sizeof(peer->address)};
    assert_int_equal(getsockname(fd, (struct sockaddr *)&peer->address, &peer->size), 0);
    return fd;
}

/* Where nobody listens. */
static struct dial_peer nobody(void)
{
    struct dial_peer peer;
    close(listen_at(AF_INET, &peer));
    return peer;
}

static int accept_one(int listening)
{
    struct pollfd polled = {.fd = listening, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, LIMIT_MS), 1);
    return accept(listening, NULL, NULL);
}

static bool has_caller(int listening)
{
    struct pollfd polled = {.fd = listening, .events = POLLIN};
    return poll(&polled, 1, 0) == 1;
}

static int standin_for(const struct dial_peer *peer, int flags)
{
    int result = -2;
    int fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    assert_true(standin_make(fd, peer, &result));
    assert_int_equal(result, flags & SOCK_NONBLOCK ? -1 : 0);
    if (result < 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static bool is_standin(int fd)
{
    struct dial_peer peer;
    return standin_peer(fd, &peer);
}

static short events_of(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    assert_true(poll(&polled, 1, 0) >= 0);
    return polled.revents;
}

/* ---- the program's time-out ---- */

static void have_it_block(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
}

static void wait_by_poll(int fd, int milliseconds)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&polled, 1, milliseconds), 1);
}

static void wait_by_select(int fd, struct timeval *time)
{
    fd_set writes;
    FD_ZERO(&writes);
    FD_SET(fd, &writes);
    assert_int_equal(select(fd + 1, NULL, &writes, NULL, time), 1);
}

static void assert_waited(int fd, struct standin_wait expected)
{
    struct standin_wait wait = standin_wait(fd);
    assert_int_equal(wait.limit_ms, expected.limit_ms);
    assert_int_equal(wait.is_polled, expected.is_polled);
    assert_int_equal(wait.is_alone, expected.is_alone);
    assert_int_equal(wait.is_pythons, expected.is_pythons);
    assert_int_equal(wait.blocks_again, expected.blocks_again);
}

static void who_waits_is_known_by_the_first_wait(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int polled = standin_for(&peer, SOCK_NONBLOCK), selected = standin_for(&peer, SOCK_NONBLOCK);
    assert_int_equal(atomic_load(&standin_awaited), 2);
    wait_by_poll(polled, 1700);
    wait_by_poll(polled, 1900);
    wait_by_select(selected, &(struct timeval){2, 500000});
    assert_int_equal(atomic_load(&standin_awaited), 0);
    assert_waited(polled,
                  (struct standin_wait){.limit_ms = 1700, .is_polled = true, .is_alone = true});
    have_it_block(polled);
    have_it_block(selected);
    assert_waited(polled,
                  (struct standin_wait){
                      .limit_ms = 1700, .is_polled = true, .is_alone = true, .blocks_again = true});
    assert_waited(selected,
                  (struct standin_wait){.limit_ms = 2500, .is_alone = true, .blocks_again = true});
    standin_forget(polled);
    standin_forget(selected);
    close(polled);
    close(selected);
}

static void who_polls_as_python_does_is_known(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int one = standin_for(&peer, SOCK_NONBLOCK), other = standin_for(&peer, SOCK_NONBLOCK);
    struct pollfd polled[] = {{.fd = one, .events = POLLOUT | POLLERR},
                              {.fd = other, .events = POLLOUT | POLLERR}};
    assert_int_equal(poll(polled, 1, 1700), 1);
    assert_int_equal(poll(polled, 2, 1700), 2);
    assert_waited(one,
                  (struct standin_wait){
                      .limit_ms = 1700, .is_polled = true, .is_alone = true, .is_pythons = true});
    assert_waited(other, (struct standin_wait){.limit_ms = 1700, .is_polled = true});
    standin_forget(one);
    standin_forget(other);
    close(one);
    close(other);
}

static void who_waits_without_end_or_in_connect_has_no_limit(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int polled = standin_for(&peer, SOCK_NONBLOCK), selected = standin_for(&peer, SOCK_NONBLOCK);
    int blocking = standin_for(&peer, 0);
    wait_by_poll(polled, -1);
    wait_by_select(selected, NULL);
    assert_int_equal(atomic_load(&standin_awaited), 0);
    wait_by_poll(blocking, 1700);
    bool is_polled[] = {true, false, false};
    uint64_t limits[] = {STANDIN_ENDLESS, STANDIN_ENDLESS, 0};
    int all[] = {polled, selected, blocking};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        have_it_block(all[i]);
        assert_waited(all[i], (struct standin_wait){.limit_ms = limits[i],
                                                    .is_polled = is_polled[i],
                                                    .is_alone = limits[i] > 0,
                                                    .blocks_again = true});
        standin_forget(all[i]);
        close(all[i]);
    }
}

static void what_may_be_a_turn_of_a_loop_makes_it_real(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    struct pollfd polled = {.events = POLLOUT};
    fd_set writes;
    FD_ZERO(&writes);
    for (int milliseconds = 0; milliseconds <= 1000; milliseconds += 500) {
        polled.fd = standin_for(&peer, SOCK_NONBLOCK);
        assert_true(poll(&polled, 1, milliseconds) >= 0);
        assert_false(is_standin(polled.fd));
        int selected = standin_for(&peer, SOCK_NONBLOCK);
        FD_SET(selected, &writes);
        select(selected + 1, NULL, &writes, NULL, &(struct timeval){0, milliseconds * 999});
        assert_false(is_standin(selected));
        close(accept_one(listening));
        close(accept_one(listening));
        close(polled.fd);
        close(selected);
    }
    close(listening);
}

/* Such an error is connect's own, and connect has returned. */
static void what_cannot_even_be_begun_stays_put_off(void **state)
{
    (void)state;
    struct dial_peer peer = {.size = sizeof(struct sockaddr_in)};
    struct sockaddr_in *nowhere = (struct sockaddr_in *)&peer.address;
    *nowhere = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(443), .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
    int fd = standin_for(&peer, SOCK_NONBLOCK);
    wait_by_poll(fd, 500);
    assert_true(is_standin(fd));
    assert_waited(fd, (struct standin_wait){.limit_ms = 500, .is_polled = true, .is_alone = true});
    standin_forget(fd);
    close(fd);
}

static void who_never_waits_is_forgotten_with_it(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int fd = standin_for(&peer, SOCK_NONBLOCK);
    assert_int_equal(atomic_load(&standin_awaited), 1);
    standin_forget(fd);
    assert_int_equal(atomic_load(&standin_awaited), 0);
    close(fd);
}

/* ---- an idle open connection ---- */

static void expect_idle(int family, int flags)
{
    struct dial_peer peer;
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    int error = -1;
    char byte;
    int listening = listen_at(family, &peer);
    int fd = standin_for(&peer, flags);
    wait_by_poll(fd, LIMIT_MS);
    assert_int_equal(events_of(fd), POLLOUT);
    assert_int_equal(recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(getpeername(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(size, peer.size);
    assert_memory_equal(&address, &peer.address, size);
    size = sizeof(error);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    assert_int_equal(error, 0);
    assert_true(is_standin(fd));
    assert_false(has_caller(listening));
    close(fd);
    close(listening);
}

static void it_looks_like_an_idle_connection(void **state)
{
    (void)state;
    expect_idle(AF_INET, 0);
    expect_idle(AF_INET, SOCK_NONBLOCK);
}

static void it_does_so_over_ipv6(void **state)
{
    (void)state;
    expect_idle(AF_INET6, 0);
    expect_idle(AF_INET6, SOCK_NONBLOCK);
}

static void its_own_address_is_the_one_it_would_have(void **state)
{
    (void)state;
    struct dial_peer peer;
    struct sockaddr_in before = {0}, after = {0};
    socklen_t size = sizeof(before);
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&before, &size), 0);
    assert_int_not_equal(before.sin_port, 0);
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_REPLACED);
    size = sizeof(after);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&after, &size), 0);
    assert_int_equal(before.sin_addr.s_addr, after.sin_addr.s_addr);
    close(fd);
    close(listening);
}

static void to_connect_again_says_that_it_is_connected(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, SOCK_NONBLOCK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&peer.address, peer.size), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&peer.address, peer.size), -1);
    assert_int_equal(errno, EISCONN);
    assert_true(is_standin(fd));
    assert_false(has_caller(listening));
    close(fd);
    close(listening);
}

/* ---- what cannot stand in ---- */

static void expect_refused(int fd, const struct dial_peer *peer)
{
    int result;
    assert_false(standin_make(fd, peer, &result));
    assert_false(is_standin(fd));
}

static void a_socket_that_the_program_has_bound_or_connected_does_not_stand_in(void **state)
{
    (void)state;
    struct dial_peer peer;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = listen_at(AF_INET, &peer);
    int bound = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(bound, (const struct sockaddr *)&own, sizeof(own)), 0);
    expect_refused(bound, &peer);
    assert_int_equal(connect(bound, (const struct sockaddr *)&peer.address, peer.size), 0);
    expect_refused(bound, &peer);
    assert_int_equal(events_of(bound), POLLOUT);
    expect_refused(listening, &peer);
    close(bound);
    close(listening);
}

static void what_is_no_tcp_socket_does_not_stand_in(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int fds[2];
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(pipe(fds), 0);
    expect_refused(datagrams, &peer);
    expect_refused(fds[0], &peer);
    expect_refused(-1, &peer);
    close(datagrams);
    close(fds[0]);
    close(fds[1]);
}

/* ---- the real connection ---- */

static void expect_connected(int fd, int peer)
{
    char byte = 0;
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(peer, &byte, 1), 1);
    assert_int_equal(byte, 'x');
}

static void the_real_connection_is_made_on_the_same_file(void **state)
{
    (void)state;
    struct dial_peer peer;
    int on = 1, is_on = 0;
    socklen_t size = sizeof(is_on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_REPLACED);
    assert_false(is_standin(fd));
    int accepted = accept_one(listening);
    expect_connected(fd, accepted);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &is_on, &size), 0);
    assert_true(is_on);
    assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
    assert_int_equal(send(accepted, "y", 1, 0), 1);
    assert_int_equal(epoll_wait(epoll, &event, 1, LIMIT_MS), 1);
    assert_int_equal(event.data.u32, 7);
    close(epoll);
    close(accepted);
    close(fd);
    close(listening);
}

static void one_that_does_not_block_is_made_in_the_programs_loop(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, SOCK_NONBLOCK);
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_REPLACED);
    assert_int_equal(poll(&polled, 1, LIMIT_MS), 1);
    assert_int_equal(polled.revents, POLLOUT);
    int accepted = accept_one(listening);
    expect_connected(fd, accepted);
    close(accepted);
    close(fd);
    close(listening);
}

static void lingering_is_as_the_program_set_it(void **state)
{
    (void)state;
    struct dial_peer peer;
    struct linger set = {.l_onoff = 1, .l_linger = 3}, found = {0};
    socklen_t size = sizeof(found);
    int result;
    int listening = listen_at(AF_INET, &peer);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &set, sizeof(set)), 0);
    assert_true(standin_make(fd, &peer, &result));
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_REPLACED);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &found, &size), 0);
    assert_memory_equal(&found, &set, sizeof(set));
    close(fd);
    close(listening);
}

static void one_that_the_program_dissolves_lingers_as_ever(void **state)
{
    (void)state;
    struct dial_peer peer;
    const struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    struct linger found = {.l_onoff = 1};
    socklen_t size = sizeof(found);
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(connect(fd, &unspecified, sizeof(unspecified)), 0);
    assert_false(is_standin(fd));
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &found, &size), 0);
    assert_int_equal(found.l_onoff, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&peer.address, peer.size), 0);
    close(accept_one(listening));
    close(fd);
    close(listening);
}

static void a_blocking_one_blocks_as_before(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&peer.address, peer.size), -1);
    assert_int_equal(errno, EISCONN);
    close(fd);
    close(listening);
}

static void what_cannot_be_connected_says_why_and_may_stand_in_again(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int fd = standin_for(&peer, 0);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_FAILED);
        assert_int_equal(errno, ECONNREFUSED);
        assert_false(is_standin(fd));
        assert_true(standin_make_again(fd, &peer));
        assert_int_equal(events_of(fd), POLLOUT);
    }
    close(fd);
}

static void whoever_comes_second_finds_none(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    pid_t child = fork();
    if (child == 0)
        _exit(standin_replace(fd, LIMIT_MS, false) == STANDIN_REPLACED ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    int accepted = accept_one(listening);
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_NONE);
    expect_connected(fd, accepted);
    close(accepted);
    close(fd);
    close(listening);
}

/* ---- who sleeps on it meanwhile ---- */

struct sleeping {
    int fd, epoll;
    bool (*wait)(
        struct sleeping *sleeping); /* until it is readable; false if anything else is said */
    atomic_bool is_about_to;
    bool went_well;
};

static bool sleep_in_poll(struct sleeping *sleeping)
{
    struct pollfd polled = {.fd = sleeping->fd, .events = POLLIN | POLLRDHUP};
    return poll(&polled, 1, LIMIT_MS) == 1 && polled.revents == POLLIN;
}

static bool sleep_in_select(struct sleeping *sleeping)
{
    struct timeval limit = {.tv_sec = LIMIT_MS / 1000};
    char byte;
    fd_set set;
    FD_ZERO(&set);
    FD_SET(sleeping->fd, &set);
    return select(sleeping->fd + 1, &set, NULL, NULL, &limit) == 1 &&
           recv(sleeping->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static bool sleep_in_epoll(struct sleeping *sleeping)
{
    struct epoll_event event = {0};
    return epoll_wait(sleeping->epoll, &event, 1, LIMIT_MS) == 1 && event.events == EPOLLIN;
}

static void *fall_asleep(void *sleeping_)
{
    struct sleeping *sleeping = sleeping_;
    atomic_store(&sleeping->is_about_to, true);
    sleeping->went_well = sleeping->wait(sleeping);
    return NULL;
}

/* The connection is made under it, and then there is a byte. */
static void expect_sound_sleep(int listening, const struct dial_peer *peer, uint32_t events,
                               bool (*wait)(struct sleeping *))
{
    struct epoll_event event = {.events = events};
    pthread_t thread;
    struct sleeping sleeping = {
        .fd = standin_for(peer, 0), .epoll = epoll_create1(0), .wait = wait};
    assert_int_equal(epoll_ctl(sleeping.epoll, EPOLL_CTL_ADD, sleeping.fd, &event), 0);
    assert_int_equal(pthread_create(&thread, NULL, fall_asleep, &sleeping), 0);
    while (!atomic_load(&sleeping.is_about_to))
        sched_yield();
    assert_int_equal(standin_replace(sleeping.fd, LIMIT_MS, false), STANDIN_REPLACED);
    int accepted = accept_one(listening);
    assert_int_equal(send(accepted, "x", 1, 0), 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(sleeping.went_well);
    close(accepted);
    close(sleeping.epoll);
    close(sleeping.fd);
}

static void a_thread_that_sleeps_on_it_is_not_told_that_it_hung_up(void **state)
{
    (void)state;
    enum { TIMES = 100 };
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    for (int i = 0; i < TIMES; i++) {
        expect_sound_sleep(listening, &peer, EPOLLIN, sleep_in_poll);
        expect_sound_sleep(listening, &peer, EPOLLIN, sleep_in_select);
        expect_sound_sleep(listening, &peer, EPOLLIN, sleep_in_epoll);
        expect_sound_sleep(listening, &peer, EPOLLIN | EPOLLET, sleep_in_epoll);
    }
    close(listening);
}

/* ---- bytes past OpenSSL ---- */

static ssize_t send_by(int fd, int way)
{
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr messages = {.msg_hdr = message};
    switch (way) {
    case 0:
        return send(fd, "x", 1, 0);
    case 1:
        return sendto(fd, "x", 1, 0, NULL, 0);
    case 2:
        return sendmsg(fd, &message, 0);
    case 3:
        return sendmmsg(fd, &messages, 1, 0);
    case 4:
        return write(fd, "x", 1);
    case 5:
        return pwritev2(fd, &part, 1, -1, 0);
    case 6:
        return pwritev64v2(fd, &part, 1, -1, 0);
    default:
        return writev(fd, &part, 1);
    }
}

static void what_is_sent_reaches_the_peer(void **state)
{
    (void)state;
    enum { WAYS = 8 };
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    for (int way = 0; way < WAYS; way++) {
        char byte = 0;
        int fd = standin_for(&peer, 0);
        assert_int_equal(send_by(fd, way), 1);
        int accepted = accept_one(listening);
        assert_int_equal(recv(accepted, &byte, 1, 0), 1);
        assert_int_equal(byte, 'x');
        close(accepted);
        close(fd);
    }
    close(listening);
}

static void a_file_that_is_sent_reaches_the_peer(void **state)
{
    (void)state;
    struct dial_peer peer;
    char byte = 0;
    off_t offset = 0;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    FILE *file = tmpfile();
    assert_int_equal(fwrite("x", 1, 1, file), 1);
    fflush(file);
    assert_int_equal(sendfile(fd, fileno(file), &offset, 1), 1);
    int accepted = accept_one(listening);
    assert_int_equal(recv(accepted, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    fclose(file);
    close(accepted);
    close(fd);
    close(listening);
}

static void what_comes_out_of_a_pipe_reaches_the_peer(void **state)
{
    (void)state;
    struct dial_peer peer;
    int ends[2];
    char byte = 0;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(splice(ends[0], NULL, fd, NULL, 1, 0), 1);
    int accepted = accept_one(listening);
    assert_int_equal(recv(accepted, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(ends[0]);
    close(ends[1]);
    close(accepted);
    close(fd);
    close(listening);
}

static void who_sends_to_nobody_is_told_so(void **state)
{
    (void)state;
    struct dial_peer peer = nobody();
    int fd = standin_for(&peer, 0);
    assert_int_equal(send(fd, "x", 1, 0), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
}

static void who_would_wait_for_bytes_waits_for_the_peers(void **state)
{
    (void)state;
    struct dial_peer peer;
    char byte;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(is_standin(fd));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
    assert_int_equal(read(fd, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(is_standin(fd));
    close(accept_one(listening));
    close(fd);
    close(listening);
}

static ssize_t receive_by(int fd, int way, int into)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct mmsghdr messages = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    switch (way) {
    case 0:
        return recv(fd, &byte, 1, 0);
    case 1:
        return recvfrom(fd, &byte, 1, 0, NULL, NULL);
    case 2:
        return recvmsg(fd, &messages.msg_hdr, 0);
    case 3:
        return recvmmsg(fd, &messages, 1, 0, NULL);
    case 4:
        return read(fd, &byte, 1);
    case 5:
        return readv(fd, &part, 1);
    case 6:
        return preadv2(fd, &part, 1, -1, 0);
    case 7:
        return preadv64v2(fd, &part, 1, -1, 0);
    default:
        return splice(fd, NULL, into, NULL, 1, 0);
    }
}

enum { WAYS_TO_RECEIVE = 9 };

/* Who waits has a time-out of his own. */
static void however_it_is_read_the_peer_is_waited_for(void **state)
{
    (void)state;
    struct dial_peer peer;
    int ends[2];
    int listening = listen_at(AF_INET, &peer);
    assert_int_equal(pipe(ends), 0);
    for (int way = 0; way < WAYS_TO_RECEIVE; way++) {
        int fd = standin_for(&peer, 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
        assert_int_equal(receive_by(fd, way, ends[1]), -1);
        assert_int_equal(errno, EAGAIN);
        assert_false(is_standin(fd));
        close(accept_one(listening));
        close(fd);
    }
    close(ends[0]);
    close(ends[1]);
    close(listening);
}

static void who_does_not_wait_finds_nothing_to_read(void **state)
{
    (void)state;
    struct dial_peer peer;
    int ends[2], there = -1;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, SOCK_NONBLOCK);
    assert_int_equal(pipe(ends), 0);
    for (int way = 0; way < WAYS_TO_RECEIVE; way++) {
        assert_int_equal(receive_by(fd, way, ends[1]), -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_int_equal(ioctl(fd, FIONREAD, &there), 0);
    assert_int_equal(there, 0);
    assert_true(is_standin(fd));
    assert_false(has_caller(listening));
    close(ends[0]);
    close(ends[1]);
    close(fd);
    close(listening);
}

/* sendmmsg, or sendmsg. */
static void expect_passed_on_connected(bool passes_many)
{
    struct dial_peer peer;
    int pair[2];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}},
                                  {.msg_hdr = message}};
    if (passes_many)
        assert_int_equal(sendmmsg(pair[0], messages, 2, 0), 2);
    else
        assert_int_equal(sendmsg(pair[0], &message, 0), 1);
    assert_false(is_standin(fd));
    close(accept_one(listening));
    close(pair[0]);
    close(pair[1]);
    close(fd);
    close(listening);
}

static void one_that_is_passed_on_is_connected_first(void **state)
{
    (void)state;
    expect_passed_on_connected(false);
    expect_passed_on_connected(true);
}

/* As inherited across exec, where nothing is known of it. */
static void who_uses_one_by_accident_speaks_to_nobody_and_harms_nobody(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(syscall(SYS_write, fd, "x", 1), 1);
    assert_false(has_caller(listening));
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_REPLACED);
    assert_int_equal(events_of(fd), POLLOUT);
    int accepted = accept_one(listening);
    assert_int_equal(events_of(accepted), POLLOUT);
    close(accepted);
    close(fd);
    close(listening);
}

static void one_that_is_shut_down_is_what_it_is(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    assert_false(is_standin(fd));
    assert_int_equal(standin_replace(fd, LIMIT_MS, false), STANDIN_NONE);
    assert_false(has_caller(listening));
    close(fd);
    close(listening);
}

/* ---- descriptors ---- */

static void a_duplicate_is_the_same(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    int duplicate = dup(fd);
    close(fd);
    /* Looks at others, until what was closed is looked for. */
    for (int i = 0; i < 5000; i++)
        assert_false(is_standin(listening));
    assert_true(is_standin(duplicate));
    assert_int_equal(standin_replace(duplicate, LIMIT_MS, false), STANDIN_REPLACED);
    int accepted = accept_one(listening);
    expect_connected(duplicate, accepted);
    close(accepted);
    close(duplicate);
    close(listening);
}

static void what_was_closed_is_forgotten_and_its_number_is_another_file(void **state)
{
    (void)state;
    struct dial_peer peer;
    int listening = listen_at(AF_INET, &peer);
    int fd = standin_for(&peer, 0);
    assert_true(standin_exists());
    close(fd);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(other, fd);
    assert_false(is_standin(other));
    for (int i = 0; i < 5000; i++)
        assert_false(is_standin(listening));
    assert_false(standin_exists());
    close(other);
    close(listening);
}

static void there_is_room_for_many_and_the_next_one_connects(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct dial_peer peer;
    int fds[MANY], result;
    unsigned made = 0;
    int listening = listen_at(AF_INET, &peer);
    for (int round = 0; round < 2; round++) {
        made = 0;
        for (int i = 0; i < MANY; i++) {
            fds[i] = socket(AF_INET, SOCK_STREAM, 0);
            made += standin_make(fds[i], &peer, &result);
        }
        assert_in_range(made, 200, MANY - 1);
        assert_int_equal(connect(fds[MANY - 1], (const struct sockaddr *)&peer.address, peer.size),
                         0);
        close(accept_one(listening));
        for (int i = 0; i < MANY; i++)
            close(fds[i]);
    }
    close(listening);
}

int main(void)
{
    char directory[] = "/tmp/vcache-unit-XXXXXX";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_looks_like_an_idle_connection),
        cmocka_unit_test(it_does_so_over_ipv6),
        cmocka_unit_test(its_own_address_is_the_one_it_would_have),
        cmocka_unit_test(to_connect_again_says_that_it_is_connected),
        cmocka_unit_test(a_socket_that_the_program_has_bound_or_connected_does_not_stand_in),
        cmocka_unit_test(what_is_no_tcp_socket_does_not_stand_in),
        cmocka_unit_test(the_real_connection_is_made_on_the_same_file),
        cmocka_unit_test(one_that_does_not_block_is_made_in_the_programs_loop),
        cmocka_unit_test(lingering_is_as_the_program_set_it),
        cmocka_unit_test(one_that_the_program_dissolves_lingers_as_ever),
        cmocka_unit_test(a_blocking_one_blocks_as_before),
        cmocka_unit_test(what_cannot_be_connected_says_why_and_may_stand_in_again),
        cmocka_unit_test(whoever_comes_second_finds_none),
        cmocka_unit_test(a_thread_that_sleeps_on_it_is_not_told_that_it_hung_up),
        cmocka_unit_test(what_is_sent_reaches_the_peer),
        cmocka_unit_test(who_waits_is_known_by_the_first_wait),
        cmocka_unit_test(who_polls_as_python_does_is_known),
        cmocka_unit_test(what_may_be_a_turn_of_a_loop_makes_it_real),
        cmocka_unit_test(what_cannot_even_be_begun_stays_put_off),
        cmocka_unit_test(who_waits_without_end_or_in_connect_has_no_limit),
        cmocka_unit_test(who_never_waits_is_forgotten_with_it),
        cmocka_unit_test(a_file_that_is_sent_reaches_the_peer),
        cmocka_unit_test(what_comes_out_of_a_pipe_reaches_the_peer),
        cmocka_unit_test(who_sends_to_nobody_is_told_so),
        cmocka_unit_test(who_would_wait_for_bytes_waits_for_the_peers),
        cmocka_unit_test(however_it_is_read_the_peer_is_waited_for),
        cmocka_unit_test(who_does_not_wait_finds_nothing_to_read),
        cmocka_unit_test(one_that_is_passed_on_is_connected_first),
        cmocka_unit_test(who_uses_one_by_accident_speaks_to_nobody_and_harms_nobody),
        cmocka_unit_test(one_that_is_shut_down_is_what_it_is),
        cmocka_unit_test(a_duplicate_is_the_same),
        cmocka_unit_test(what_was_closed_is_forgotten_and_its_number_is_another_file),
        cmocka_unit_test(there_is_room_for_many_and_the_next_one_connects),
    };
    if (!mkdtemp(directory) || setenv("VCACHE_DIR", directory, 1) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    return system(command) == 0 ? failed : 1;
}
