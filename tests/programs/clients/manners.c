/* The manners that wait by poll or select, or not at all: see client.h. */
#include "client.h"

#include <stdlib.h>
#include <poll.h>
#include <sys/select.h>
#include <unistd.h>

int client_patience_ms(void)
{
    const char *seconds = getenv("CLIENT_PATIENCE");
    return seconds ? atoi(seconds) * 1000 : 60000;
}

static void wait_select(struct client *client, bool for_writing)
{
    fd_set set;
    struct timeval timeout = {.tv_sec = client_patience_ms() / 1000};
    FD_ZERO(&set);
    FD_SET(client->fd, &set);
    int ready = select(client->fd + 1, for_writing ? NULL : &set, for_writing ? &set : NULL, NULL,
                       &timeout);
    if (ready != 1 || !FD_ISSET(client->fd, &set))
        client_fail("select: %d", ready);
}

static void wait_pselect(struct client *client, bool for_writing)
{
    fd_set set;
    struct timespec timeout = {.tv_sec = client_patience_ms() / 1000};
    FD_ZERO(&set);
    FD_SET(client->fd, &set);
    int ready = pselect(client->fd + 1, for_writing ? NULL : &set, for_writing ? &set : NULL, NULL,
                        &timeout, NULL);
    if (ready != 1 || !FD_ISSET(client->fd, &set))
        client_fail("pselect: %d", ready);
}

static void expect_polled(const struct pollfd *polled, int ready)
{
    if (ready != 1 || polled[0].revents != 0 || polled[1].revents != polled[1].events)
        client_fail("poll: %d, events %x", ready, (unsigned)polled[1].revents);
}

/* With an entry that asks for nothing before it. */
static void wait_poll(struct client *client, bool for_writing)
{
    struct pollfd polled[] = {
        {.fd = -1, .events = POLLIN},
        {.fd = client->fd, .events = for_writing ? POLLOUT : POLLIN},
    };
    expect_polled(polled, poll(polled, 2, client_patience_ms()));
}

static void wait_ppoll(struct client *client, bool for_writing)
{
    struct timespec timeout = {.tv_sec = client_patience_ms() / 1000};
    struct pollfd polled[] = {
        {.fd = -1, .events = POLLIN},
        {.fd = client->fd, .events = for_writing ? POLLOUT : POLLIN},
    };
    expect_polled(polled, ppoll(polled, 2, &timeout, NULL));
}

/* As a daemon moves its descriptors out of the way. */
static void renumber(struct client *client)
{
    int number = dup(client->fd);
    if (number < 0 || SSL_set_fd(client->ssl, number) != 1)
        client_fail("no other number");
    close(client->fd);
    client->fd = number;
}

const struct manner manner_renumbered = {
    .name = "renumbered", .is_blocking = true, .begin = renumber};
const struct manner manner_blocking = {.name = "blocking", .is_blocking = true};
const struct manner manner_ex = {.name = "ex", .is_blocking = true, .uses_ex_calls = true};
const struct manner manner_select = {.name = "select",
                                     .wait = wait_select,
                                     .waits_first = true,
                                     .polls_idle = true,
                                     .reads_idle = true};
const struct manner manner_pselect = {.name = "pselect",
                                      .wait = wait_pselect,
                                      .waits_first = true,
                                      .asks_pending = true,
                                      .uses_ex_calls = true};
const struct manner manner_poll = {.name = "poll", .wait = wait_poll, .polls_idle = true};
const struct manner manner_ppoll = {.name = "ppoll", .wait = wait_ppoll, .waits_first = true};
const struct manner manner_peek = {
    .name = "peek", .is_blocking = true, .peeks = true, .read_piece = 1000};
const struct manner manner_close = {.name = "close", .is_blocking = true, .closes = true};
const struct manner manner_close_late = {.name = "close-late",
                                         .wait = wait_poll,
                                         .waits_first = true,
                                         .closes = true,
                                         .reads_idle = true};
const struct manner manner_tiny = {.name = "tiny",
                                   .wait = wait_poll,
                                   .waits_first = true,
                                   .asks_pending = true,
                                   .write_piece = 3,
                                   .read_piece = 5};
const struct manner manner_large = {
    .name = "large", .wait = wait_poll, .waits_first = true, .padding = 1 << 20};
const struct manner manner_moving = {
    .name = "moving", .wait = wait_select, .padding = 1 << 20, .moves = true};
