/* The manners that wait by epoll: see client.h. */
#include "client.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Data that is no descriptor: it must come back whole. */
static const uint64_t mark = 0x0123456789abcdef;

static void control(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = mark};
    if (epoll_ctl(client->epoll, operation, client->fd, &event) != 0)
        client_fail("epoll_ctl: %s", strerror(errno));
}

static void begin_with(struct client *client, uint32_t events)
{
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    control(client, EPOLL_CTL_ADD, events);
}

static void end_epoll(struct client *client)
{
    close(client->epoll);
}

static bool is_wanted(struct client *client, int ready, const struct epoll_event *event,
                      uint32_t wanted)
{
    if (ready != 1 || event->data.u64 != mark)
        client_fail("epoll_wait on %d: %d events", client->fd, ready);
    return event->events & wanted;
}

/* ---- level-triggered: registered for what is waited for ---- */

static void begin_level(struct client *client)
{
    begin_with(client, EPOLLIN);
}

static void wait_level(struct client *client, bool for_writing)
{
    struct epoll_event event;
    if (for_writing)
        control(client, EPOLL_CTL_MOD, EPOLLOUT);
    int ready = epoll_wait(client->epoll, &event, 1, client_patience_ms());
    if (!is_wanted(client, ready, &event, for_writing ? EPOLLOUT : EPOLLIN))
        client_fail("events %x", event.events);
    if (for_writing)
        control(client, EPOLL_CTL_MOD, EPOLLIN);
}

/* ---- edge-triggered: registered once, for both ---- */

static void begin_edge(struct client *client)
{
    begin_with(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void wait_edge(struct client *client, bool for_writing)
{
    struct epoll_event events[8];
    int ready;
    /* The first report is that it is writable. */
    do
        ready = epoll_pwait(client->epoll, events, 8, client_patience_ms(), NULL);
    while (!is_wanted(client, ready, events, for_writing ? EPOLLOUT : EPOLLIN));
}

/* An edge is told once. Session tickets may bring one more, if nothing real was read so far. */
static void end_edge(struct client *client)
{
    struct epoll_event event;
    char byte;
    if (!client->manner->closes && epoll_wait(client->epoll, &event, 1, 0) > 0 &&
        (SSL_read(client->ssl, &byte, 1) > 0 || epoll_wait(client->epoll, &event, 1, 0) > 0))
        client_fail("reported again: %x", event.events);
    end_epoll(client);
}

/* ---- one-shot: armed before each wait ---- */

static void begin_oneshot(struct client *client)
{
    begin_with(client, EPOLLONESHOT);
}

static void wait_oneshot(struct client *client, bool for_writing)
{
    struct epoll_event events[4];
    control(client, EPOLL_CTL_MOD, (for_writing ? EPOLLOUT : EPOLLIN) | EPOLLET | EPOLLONESHOT);
    int ready = epoll_wait(client->epoll, events, 4, client_patience_ms());
    if (!is_wanted(client, ready, events, for_writing ? EPOLLOUT : EPOLLIN))
        client_fail("events %x", events[0].events);
    if (epoll_wait(client->epoll, events, 4, 0) != 0)
        client_fail("reported twice: %x", events[0].events);
}

const struct manner manner_level = {.name = "level",
                                    .begin = begin_level,
                                    .end = end_epoll,
                                    .wait = wait_level,
                                    .waits_first = true};
const struct manner manner_edge = {.name = "edge",
                                   .begin = begin_edge,
                                   .end = end_edge,
                                   .wait = wait_edge,
                                   .waits_first = true,
                                   .drains = true};
const struct manner manner_oneshot = {.name = "oneshot",
                                      .begin = begin_oneshot,
                                      .end = end_epoll,
                                      .wait = wait_oneshot,
                                      .waits_first = true,
                                      .drains = true};
