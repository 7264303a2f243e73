/*
 * Waking: what the functions that wait say while an answer waits. The hooks are linked into this
 * program, so that its own calls go through them.
 */
#include "front/wake.h"
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    int idle;  /* a socket on which nothing arrives */
    int peer;  /* its other end */
    int ready; /* a descriptor that the kernel calls readable */
    int epoll;
    struct descriptor descriptor; /* of `idle` */
    struct wake *wake;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fixture = (struct fixture){.idle = pair[0], .peer = pair[1]};
    fixture.ready = eventfd(1, EFD_CLOEXEC);
    fixture.epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(wake_identify(fixture.idle, &fixture.descriptor));
    *state = &fixture;
    return 0;
}

static void answer_arrives(struct fixture *fixture)
{
    /* Nobody looks into it here: the table only hands it on. */
    static char connection;
    fixture->wake = wake_announce(&fixture->descriptor, (struct connection *)(void *)&connection);
    assert_non_null(fixture->wake);
    wake_show(fixture->wake, true);
    wake_unlock(fixture->wake);
}

static void answer_is_read(struct fixture *fixture)
{
    wake_lock(fixture->wake);
    wake_withdraw(fixture->wake);
    fixture->wake = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->wake)
        answer_is_read(fixture);
    assert_int_equal(atomic_load(&wake_answers), 0);
    close(fixture->idle);
    close(fixture->peer);
    close(fixture->ready);
    close(fixture->epoll);
    return 0;
}

/* ---- poll ---- */

static void poll_reports_an_answer_until_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd polled = {.fd = fixture->idle, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 0), 0);
    answer_arrives(fixture);
    assert_int_equal(poll(&polled, 1, -1), 1);
    assert_int_equal(polled.revents, POLLIN);
    assert_int_equal(ppoll(&polled, 1, NULL, NULL), 1);
    answer_is_read(fixture);
    assert_int_equal(poll(&polled, 1, 0), 0);
    assert_int_equal(polled.revents, 0);
}

static void poll_reports_the_others_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd polled[] = {
        {.fd = -1, .events = POLLIN},
        {.fd = fixture->ready, .events = POLLIN},
        {.fd = fixture->idle, .events = POLLIN | POLLOUT | POLLRDNORM},
        {.fd = fixture->peer, .events = POLLIN},
    };
    answer_arrives(fixture);
    assert_int_equal(poll(polled, 4, -1), 2);
    assert_int_equal(polled[0].revents, 0);
    assert_int_equal(polled[1].revents, POLLIN);
    assert_int_equal(polled[2].revents, POLLIN | POLLOUT | POLLRDNORM);
    assert_int_equal(polled[3].revents, 0);
}

static void an_end_is_reported_after_the_answer(void **state)
{
    struct fixture *fixture = *state;
    const short ends = POLLHUP | POLLRDHUP;
    struct pollfd polled = {.fd = fixture->idle, .events = POLLIN | POLLRDHUP};
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
    assert_int_equal(epoll_ctl(fixture->epoll, EPOLL_CTL_ADD, fixture->idle, &event), 0);
    answer_arrives(fixture);
    shutdown(fixture->idle, SHUT_WR);
    shutdown(fixture->peer, SHUT_WR);
    assert_int_equal(poll(&polled, 1, -1), 1);
    assert_int_equal(polled.revents, POLLIN);
    assert_int_equal(epoll_wait(fixture->epoll, &event, 1, -1), 1);
    assert_int_equal(event.events, EPOLLIN);
    answer_is_read(fixture);
    assert_int_equal(poll(&polled, 1, -1), 1);
    assert_int_equal(polled.revents & ends, ends);
    assert_int_equal(epoll_wait(fixture->epoll, &event, 1, -1), 1);
    assert_true(event.events & EPOLLHUP);
}

static void poll_tells_nobody_who_did_not_ask(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd polled = {.fd = fixture->idle, .events = POLLOUT};
    answer_arrives(fixture);
    assert_int_equal(poll(&polled, 1, -1), 1);
    assert_int_equal(polled.revents, POLLOUT);
    polled.events = POLLPRI;
    assert_int_equal(poll(&polled, 1, 0), 0);
}

static void a_duplicate_is_the_same_socket_and_a_reused_number_is_not(void **state)
{
    struct fixture *fixture = *state;
    int copy = dup(fixture->idle);
    struct pollfd polled = {.fd = copy, .events = POLLIN};
    answer_arrives(fixture);
    assert_int_equal(poll(&polled, 1, 0), 1);
    assert_int_equal(dup2(fixture->peer, copy), copy);
    assert_int_equal(poll(&polled, 1, 0), 0);
    close(copy);
}

/* ---- select ---- */

static void select_reports_an_answer_and_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct timeval timeout = {.tv_sec = 1000};
    fd_set reads;
    fd_set writes;
    int far = dup2(fixture->idle, 200); /* in another word of the set */
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(far, &reads);
    FD_SET(fixture->ready, &reads);
    FD_SET(fixture->peer, &reads);
    FD_SET(far, &writes);
    answer_arrives(fixture);
    assert_int_equal(select(far + 1, &reads, &writes, NULL, &timeout), 3);
    assert_true(FD_ISSET(far, &reads) && FD_ISSET(fixture->ready, &reads));
    assert_true(FD_ISSET(far, &writes));
    assert_false(FD_ISSET(fixture->peer, &reads));
    assert_int_equal(timeout.tv_sec, 1000);
    close(far);
}

static void pselect_reports_an_answer_until_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec no_time = {0, 0};
    fd_set reads;
    FD_ZERO(&reads);
    FD_SET(fixture->idle, &reads);
    answer_arrives(fixture);
    assert_int_equal(pselect(fixture->idle + 1, &reads, NULL, NULL, NULL, NULL), 1);
    assert_true(FD_ISSET(fixture->idle, &reads));
    answer_is_read(fixture);
    assert_int_equal(pselect(fixture->idle + 1, &reads, NULL, NULL, &no_time, NULL), 0);
    assert_false(FD_ISSET(fixture->idle, &reads));
}

/* ---- epoll ---- */

static const uint64_t idle_data = 0xfedcba9876543210;
static const uint64_t ready_data = 7;

static void watch(const struct fixture *fixture, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = idle_data};
    assert_int_equal(epoll_ctl(fixture->epoll, operation, fixture->idle, &event), 0);
}

static void watch_ready(const struct fixture *fixture)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = ready_data};
    assert_int_equal(epoll_ctl(fixture->epoll, EPOLL_CTL_ADD, fixture->ready, &event), 0);
}

/* The events of the idle socket that one wait reports; 0: it is not among them. */
static uint32_t reported(const struct fixture *fixture)
{
    struct epoll_event events[4];
    uint32_t found = 0;
    int count = epoll_wait(fixture->epoll, events, 4, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.u64 == idle_data)
            found |= events[i].events;
    return found;
}

static void a_level_is_reported_until_the_answer_is_read(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    assert_int_equal(reported(fixture), 0);
    answer_arrives(fixture);
    assert_int_equal(reported(fixture), EPOLLIN);
    assert_int_equal(reported(fixture), EPOLLIN);
    answer_is_read(fixture);
    assert_int_equal(reported(fixture), 0);
}

static void an_edge_is_reported_once_for_each_arrival(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN | EPOLLET);
    answer_arrives(fixture);
    assert_int_equal(reported(fixture), EPOLLIN);
    assert_int_equal(reported(fixture), 0);
    wake_show(fixture->wake, true); /* part of it was read, and there is more */
    assert_int_equal(reported(fixture), EPOLLIN);
    assert_int_equal(reported(fixture), 0);
    watch(fixture, EPOLL_CTL_MOD, EPOLLIN | EPOLLET);
    assert_int_equal(reported(fixture), EPOLLIN);
    answer_is_read(fixture);
    answer_arrives(fixture);
    assert_int_equal(reported(fixture), EPOLLIN);
}

static void a_one_shot_registration_is_disarmed(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT);
    answer_arrives(fixture);
    assert_int_equal(reported(fixture), EPOLLIN);
    wake_show(fixture->wake, true);
    assert_int_equal(write(fixture->peer, "x", 1), 1);
    assert_int_equal(reported(fixture), 0);
    watch(fixture, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    assert_int_equal(reported(fixture), EPOLLIN);
    assert_int_equal(reported(fixture), 0);
}

static void what_the_kernel_reports_is_kept_and_merged(void **state)
{
    struct fixture *fixture = *state;
    struct epoll_event events[4];
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    watch_ready(fixture);
    answer_arrives(fixture);
    assert_int_equal(epoll_pwait(fixture->epoll, events, 4, -1, NULL), 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(events[i].events,
                         events[i].data.u64 == idle_data ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void neither_kernel_nor_answers_starve_where_there_is_one_place(void **state)
{
    struct fixture *fixture = *state;
    struct epoll_event event;
    unsigned seen = 0;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    watch_ready(fixture);
    answer_arrives(fixture);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(epoll_wait(fixture->epoll, &event, 1, -1), 1);
        seen |= event.data.u64 == idle_data ? 1 : 2;
    }
    assert_int_equal(seen, 3);
}

static void more_registrations_than_fit_a_page_are_read(void **state)
{
    enum { MANY = 300 };
    struct fixture *fixture = *state;
    int others[MANY];
    for (int i = 0; i < MANY; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = i};
        others[i] = dup(fixture->peer);
        assert_int_equal(epoll_ctl(fixture->epoll, EPOLL_CTL_ADD, others[i], &event), 0);
    }
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    answer_arrives(fixture);
    assert_int_equal(reported(fixture), EPOLLIN);
    for (int i = 0; i < MANY; i++)
        close(others[i]);
}

static void an_instance_that_is_polled_is_readable_too(void **state)
{
    struct fixture *fixture = *state;
    struct pollfd polled = {.fd = fixture->epoll, .events = POLLIN};
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    assert_int_equal(poll(&polled, 1, 0), 0);
    answer_arrives(fixture);
    assert_int_equal(poll(&polled, 1, -1), 1);
    assert_int_equal(polled.revents, POLLIN);
}

/* ---- threads that sleep ---- */

struct sleep {
    int fd;
    int epoll; /* -1: by poll */
};

static void *sleep_until_readable(void *data)
{
    const struct sleep *sleep = data;
    struct pollfd polled = {.fd = sleep->fd, .events = POLLIN};
    struct epoll_event event;
    if (sleep->epoll < 0)
        poll(&polled, 1, -1);
    else
        epoll_wait(sleep->epoll, &event, 1, -1);
    return NULL;
}

/* One that sleeps on the socket is seen, and no longer when it has gone. */
static void expect_seen(struct fixture *fixture, struct sleep sleep)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sleep_until_readable, &sleep), 0);
    while (wake_reaches_all(&fixture->descriptor))
        continue;
    assert_int_equal(write(fixture->peer, "x", 1), 1);
    pthread_join(thread, NULL);
    assert_true(wake_reaches_all(&fixture->descriptor));
}

static void a_thread_asleep_in_poll_is_seen(void **state)
{
    struct fixture *fixture = *state;
    expect_seen(fixture, (struct sleep){fixture->idle, -1});
}

static void a_thread_asleep_in_epoll_is_seen(void **state)
{
    struct fixture *fixture = *state;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    expect_seen(fixture, (struct sleep){-1, fixture->epoll});
}

static void a_thread_asleep_on_something_else_does_not_matter(void **state)
{
    struct fixture *fixture = *state;
    struct descriptor other;
    struct sleep sleep = {fixture->peer, -1};
    pthread_t thread;
    assert_true(wake_identify(fixture->peer, &other));
    assert_int_equal(pthread_create(&thread, NULL, sleep_until_readable, &sleep), 0);
    while (wake_reaches_all(&other))
        continue;
    assert_true(wake_reaches_all(&fixture->descriptor));
    assert_int_equal(write(fixture->idle, "x", 1), 1);
    pthread_join(thread, NULL);
}

static void *wait_for_one_event(void *data)
{
    static struct epoll_event event;
    struct fixture *fixture = data;
    if (epoll_wait(fixture->epoll, &event, 1, -1) == 1)
        return &event;
    return NULL;
}

static void a_registration_wakes_who_sleeps_on_the_instance(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    void *event = NULL;
    answer_arrives(fixture);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one_event, fixture), 0);
    while (!sleepers_sleep_on(fixture->epoll))
        continue;
    watch(fixture, EPOLL_CTL_ADD, EPOLLIN);
    pthread_join(thread, &event);
    assert_non_null(event);
    assert_true(((const struct epoll_event *)event)->data.u64 == idle_data);
    assert_int_equal(((const struct epoll_event *)event)->events, EPOLLIN);
}

static void after_a_fork_nobody_else_sleeps(void **state)
{
    struct fixture *fixture = *state;
    struct sleeper *sleeper = sleeper_enter(SLEEPS_ON(fixture->idle), -1);
    sleepers_forget();
    assert_true(wake_reaches_all(&fixture->descriptor));
    sleeper_leave(sleeper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(poll_reports_an_answer_until_it_is_read),
        TEST(poll_reports_the_others_as_well),
        TEST(an_end_is_reported_after_the_answer),
        TEST(poll_tells_nobody_who_did_not_ask),
        TEST(a_duplicate_is_the_same_socket_and_a_reused_number_is_not),
        TEST(select_reports_an_answer_and_the_others),
        TEST(pselect_reports_an_answer_until_it_is_read),
        TEST(a_level_is_reported_until_the_answer_is_read),
        TEST(an_edge_is_reported_once_for_each_arrival),
        TEST(a_one_shot_registration_is_disarmed),
        TEST(what_the_kernel_reports_is_kept_and_merged),
        TEST(neither_kernel_nor_answers_starve_where_there_is_one_place),
        TEST(more_registrations_than_fit_a_page_are_read),
        TEST(an_instance_that_is_polled_is_readable_too),
        TEST(a_thread_asleep_in_poll_is_seen),
        TEST(a_thread_asleep_in_epoll_is_seen),
        TEST(a_thread_asleep_on_something_else_does_not_matter),
        TEST(a_registration_wakes_who_sleeps_on_the_instance),
        TEST(after_a_fork_nobody_else_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
