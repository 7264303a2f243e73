/*
 * Dialling: what stays of an open file when one TCP connection on it gives way to another. The
 * front is linked into this program.
 */
#include "front/dial.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

struct fixture {
    int listening;
    int fd;
    int epoll; /* where fd is registered */
    struct dial_peer peer;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct epoll_event event = {.events = EPOLLIN};
    fixture.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture.listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fixture.listening, 8), 0);
    assert_int_equal(getsockname(fixture.listening, (struct sockaddr *)&address, &size), 0);
    fixture.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fixture.fd, (struct sockaddr *)&address, size), 0);
    fixture.peer = dial_peer_of(fixture.fd);
    assert_int_equal(dial_port(&fixture.peer), ntohs(address.sin_port));
    fixture.epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(epoll_ctl(fixture.epoll, EPOLL_CTL_ADD, fixture.fd, &event), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->fd);
    close(fixture->listening);
    close(fixture->epoll);
    return 0;
}

/* The peer's end of the next connection. */
static int accept_one(const struct fixture *fixture)
{
    int fd = accept4(fixture->listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void redial(const struct fixture *fixture)
{
    struct dial dial;
    assert_true(dial_begin(&dial, fixture->fd, PATIENCE_MS));
    assert_true(dial_dissolve(&dial));
    assert_true(dial_connect(&dial, &fixture->peer));
    dial_end(&dial);
}

/* ---- the tests ---- */

static void a_new_connection_is_on_the_same_file(void **state)
{
    struct fixture *fixture = *state;
    struct epoll_event event;
    int on = 1;
    socklen_t size = sizeof(on);
    char byte = 0;
    setsockopt(fixture->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int first = accept_one(fixture);
    redial(fixture);
    int second = accept_one(fixture);
    on = 0;
    assert_int_equal(getsockopt(fixture->fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_equal(on, 1);
    assert_int_equal(epoll_wait(fixture->epoll, &event, 1, 0), 0);
    assert_int_equal(write(second, "x", 1), 1);
    assert_int_equal(epoll_wait(fixture->epoll, &event, 1, PATIENCE_MS), 1);
    assert_int_equal(event.events, EPOLLIN);
    assert_int_equal(read(fixture->fd, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(first);
    close(second);
}

static void a_connection_that_was_reset_gives_way_too(void **state)
{
    struct fixture *fixture = *state;
    struct linger at_once = {.l_onoff = 1};
    int first = accept_one(fixture);
    setsockopt(first, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(first);
    redial(fixture);
    int second = accept_one(fixture);
    assert_int_equal(write(fixture->fd, "x", 1), 1);
    close(second);
}

static void the_file_blocks_again_after_it(void **state)
{
    struct fixture *fixture = *state;
    struct dial dial;
    int flags = fcntl(fixture->fd, F_GETFL);
    assert_true(dial_begin(&dial, fixture->fd, PATIENCE_MS));
    assert_true(fcntl(fixture->fd, F_GETFL) & O_NONBLOCK);
    dial_end(&dial);
    assert_int_equal(fcntl(fixture->fd, F_GETFL), flags);
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    struct dial dial;
    close(fixture->listening);
    assert_true(dial_begin(&dial, fixture->fd, PATIENCE_MS));
    assert_true(dial_dissolve(&dial));
    assert_false(dial_connect(&dial, &fixture->peer));
    dial_end(&dial);
}

static void the_shortest_time_out_counts(void **state)
{
    struct fixture *fixture = *state;
    const struct timeval soon = {.tv_usec = 1000};
    struct dial dial;
    assert_true(dial_begin(&dial, fixture->fd, 1));
    assert_false(dial_wait(&dial, POLLIN));
    dial_end(&dial);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            setsockopt(fixture->fd, SOL_SOCKET, i ? SO_SNDTIMEO : SO_RCVTIMEO, &soon, sizeof(soon)),
            0);
        /* Else this would be waited for. */
        assert_true(dial_begin(&dial, fixture->fd, 1000 * PATIENCE_MS));
        assert_false(dial_wait(&dial, POLLIN));
        dial_end(&dial);
        setsockopt(fixture->fd, SOL_SOCKET, i ? SO_SNDTIMEO : SO_RCVTIMEO, &(struct timeval){0},
                   sizeof(soon));
    }
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
    (void)signal;
    signals++;
}

static void sigpipe_is_the_programs_own(void **state)
{
    struct fixture *fixture = *state;
    struct sigaction action = {.sa_handler = count_signal};
    struct dial dial;
    sigset_t blocked, pending;
    sigaction(SIGPIPE, &action, NULL);
    assert_true(dial_begin(&dial, fixture->fd, PATIENCE_MS));
    assert_true(dial_dissolve(&dial));
    /* The first is told that the connection was reset, and the next gets the signal. */
    for (int i = 0; i < 2; i++)
        assert_int_equal(write(fixture->fd, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    dial_end(&dial);
    assert_int_equal(signals, 0);

    /* One that was pending before stays so. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    raise(SIGPIPE);
    assert_true(dial_begin(&dial, fixture->fd, PATIENCE_MS));
    dial_end(&dial);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 1);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    assert_int_equal(signals, 1);
}

static void only_tcp_over_ip_can_be_dialled(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(dial_peer_of(pair[0]).size, 0);
    assert_int_equal(dial_peer_of(unconnected).size, 0);
    assert_int_equal(dial_peer_of(-1).size, 0);
    close(pair[0]);
    close(pair[1]);
    close(unconnected);
}

/* ---- signals ---- */

static atomic_uint rings;

static void ring(int signal)
{
    (void)signal;
    atomic_fetch_add(&rings, 1);
}

/* What a wait ends with when an alarm rings in it. It rings again and again: the first time may be
 * before the wait has begun, on a machine that is busy. */
static int ending_of_wait(int flags, bool heeds_signals, uint64_t limit_ms)
{
    const struct sigaction ringing = {.sa_handler = ring, .sa_flags = flags};
    const struct sigaction ignoring = {.sa_handler = SIG_IGN};
    const struct timeval interval = {.tv_usec = 20000};
    const struct itimerval soon = {.it_interval = interval, .it_value = interval}, never = {0};
    struct dial dial;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(dial_begin(&dial, pair[0], limit_ms));
    dial.heeds_signals = heeds_signals;
    atomic_store(&rings, 0);
    assert_int_equal(sigaction(SIGALRM, &ringing, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_false(dial_wait(&dial, POLLIN));
    int ending = errno;
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &ignoring, NULL), 0);
    assert_true(atomic_load(&rings) > 0);
    dial_end(&dial);
    close(pair[0]);
    close(pair[1]);
    return ending;
}

static void a_signal_ends_a_wait_where_it_would_interrupt_the_program(void **state)
{
    (void)state;
    assert_int_equal(ending_of_wait(0, true, PATIENCE_MS), EINTR);
    assert_int_equal(ending_of_wait(SA_RESTART, true, 100), ETIMEDOUT);
    assert_int_equal(ending_of_wait(0, false, 100), ETIMEDOUT);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_connection_is_on_the_same_file),
        TEST(a_connection_that_was_reset_gives_way_too),
        TEST(the_file_blocks_again_after_it),
        TEST(nobody_listens),
        TEST(the_shortest_time_out_counts),
        TEST(sigpipe_is_the_programs_own),
        TEST(only_tcp_over_ip_can_be_dialled),
        TEST(a_signal_ends_a_wait_where_it_would_interrupt_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
