/* One connection of the test's client, in its manner: see client.h. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wait_a_turn(int fd)
{
    int milliseconds = atoi(getenv("CLIENT_TURN"));
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
    fd_set set;
    if (!getenv("CLIENT_SELECTS"))
        return poll(&polled, 1, milliseconds) == 1;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, NULL, &set, NULL, &time) == 1;
}

/* As most programs do that connect with a time-out; one turn is the whole of it. */
static bool connect_in_turns(int fd, const struct addrinfo *address)
{
    int turns = getenv("CLIENT_TURNS") ? atoi(getenv("CLIENT_TURNS")) : 1;
    int flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof(errno);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        return false;
    while (turns > 0 && !wait_a_turn(fd))
        turns--;
    errno = ETIMEDOUT;
    if (turns > 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size);
    fcntl(fd, F_SETFL, flags);
    return errno == 0;
}

static int connect_socket(bool has_small_buffer)
{
    int size = 4096;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(getenv("VCENTER_HOST"), getenv("VCENTER_PORT"), &hints, &found) != 0)
        client_fail("no such vCenter");
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    if (has_small_buffer)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    bool is_connected = getenv("CLIENT_TURN") ? connect_in_turns(fd, found)
                                              : connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    if (!is_connected)
        client_fail("connect: %s", strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static void begin_manner(struct client *client)
{
    if (!client->manner->is_blocking &&
        fcntl(client->fd, F_SETFL, fcntl(client->fd, F_GETFL) | O_NONBLOCK) != 0)
        client_fail("fcntl: %s", strerror(errno));
    if (client->manner->begin)
        client->manner->begin(client);
}

static void shake_hands(struct client *client)
{
    int result = SSL_connect(client->ssl);
    while (result != 1) {
        int error = SSL_get_error(client->ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            client_fail("the handshake failed");
        client->manner->wait(client, error == SSL_ERROR_WANT_WRITE);
        result = SSL_connect(client->ssl);
    }
}

void client_connect(struct client *client)
{
    bool has_patience = getenv("CLIENT_PATIENCE");
    const char *authority = getenv("VCENTER_CA");
    if (!client->context) {
        client->context = SSL_CTX_new(TLS_client_method());
        /* Without session tickets after the handshake, which make the socket readable. */
        if (getenv("CLIENT_TLS_1_2"))
            SSL_CTX_set_max_proto_version(client->context, TLS1_2_VERSION);
        if (authority) {
            SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
            if (SSL_CTX_load_verify_locations(client->context, authority, NULL) != 1)
                client_fail("cannot read %s", authority);
        }
    }
    client->fd = connect_socket(client->manner->padding > 0);
    client->ssl = SSL_new(client->context);
    client->may_have_more = client->has_received = false;
    if (SSL_set_fd(client->ssl, client->fd) != 1)
        client_fail("SSL_set_fd failed");
    if (has_patience)
        begin_manner(client);
    shake_hands(client);
    if (client->manner->moves)
        SSL_set_mode(client->ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* After it, so that each manner is about what vSphere calls do. */
    if (!has_patience)
        begin_manner(client);
}

void client_close(struct client *client)
{
    if (client->manner->end)
        client->manner->end(client);
    if (SSL_shutdown(client->ssl) < 0)
        client_fail("SSL_shutdown failed");
    SSL_free(client->ssl);
    close(client->fd);
    client->ssl = NULL;
}

static const char *queued_system_error(void)
{
    static char text[64];
    unsigned long error = ERR_peek_last_error();
    if (error)
        snprintf(text, sizeof(text), ", queued %s error %d",
                 ERR_GET_LIB(error) == ERR_LIB_SYS ? "system" : "another", ERR_GET_REASON(error));
    return text;
}

static int write_moved(struct client *client, const char *bytes, size_t size, size_t *done)
{
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    int result = SSL_write(client->ssl, copy, (int)size);
    *done = result > 0 ? (size_t)result : 0;
    memset(copy, 0, size);
    free(copy);
    return result;
}

static int write_once(struct client *client, const char *bytes, size_t size, size_t *done)
{
    if (client->manner->moves)
        return write_moved(client, bytes, size, done);
    if (client->manner->uses_ex_calls)
        return SSL_write_ex(client->ssl, bytes, size, done);
    int result = SSL_write(client->ssl, bytes, (int)size);
    *done = result > 0 ? (size_t)result : 0;
    return result;
}

static int read_once(struct client *client, char *bytes, size_t size, size_t *done)
{
    if (client->manner->uses_ex_calls)
        return SSL_read_ex(client->ssl, bytes, size, done);
    int result = SSL_read(client->ssl, bytes, (int)size);
    *done = result > 0 ? (size_t)result : 0;
    return result;
}

/* An idle connection is not readable: programs take one that is for dropped (urllib3). */
static void expect_idle(struct client *client)
{
    struct pollfd polled = {.fd = client->fd, .events = POLLIN};
    if (SSL_pending(client->ssl) != 0 || SSL_has_pending(client->ssl) != 0)
        client_fail("bytes wait on an idle connection");
    if (client->manner->polls_idle && client->has_received && poll(&polled, 1, 0) != 0)
        client_fail("an idle connection is readable");
    char byte;
    if (!client->manner->reads_idle)
        return;
    int result = SSL_peek(client->ssl, &byte, 1);
    if (result > 0 || SSL_get_error(client->ssl, result) != SSL_ERROR_WANT_READ)
        client_fail("an idle connection has something to read");
}

void client_send(struct client *client, const char *bytes, size_t size)
{
    if (client->at_beginning && !client->has_paused)
        expect_idle(client);
    client->at_beginning = false;
    while (size > 0) {
        size_t piece = client->manner->write_piece;
        size_t done = 0;
        ERR_clear_error();
        int result = write_once(client, bytes, piece && piece < size ? piece : size, &done);
        int error = SSL_get_error(client->ssl, result);
        if (result > 0 && error != SSL_ERROR_NONE)
            client_fail("error %d after a write that succeeded", error);
        if (result > 0) {
            bytes += done;
            size -= done;
        } else if (error == SSL_ERROR_WANT_WRITE && client->manner->wait) {
            client->manner->wait(client, true);
        } else if (error == SSL_ERROR_WANT_READ && client->epoll > 0) {
            client->manner->wait(client, false); /* nobody else is to be told that */
        } else {
            client_fail("a write failed: error %d, errno %d%s", error, errno,
                        queued_system_error());
        }
    }
}

/* What is looked at must be what is read then, and stay pending. */
static void expect_peeked(struct client *client, const char *peeked, size_t size, const char *read,
                          size_t read_size)
{
    if (read_size < size || memcmp(peeked, read, size) != 0)
        client_fail("what was read is not what was looked at");
    if (client->manner->read_piece && SSL_pending(client->ssl) > 16384)
        client_fail("more is pending than a record holds");
}

static size_t peek_and_read(struct client *client, char *bytes, size_t size)
{
    char peeked[8];
    size_t done = 0;
    int result = SSL_peek(client->ssl, peeked, sizeof(peeked));
    if (result <= 0)
        return 0;
    if (SSL_pending(client->ssl) <= 0 || SSL_has_pending(client->ssl) != 1)
        client_fail("nothing is pending after a peek");
    if (read_once(client, bytes, size, &done) <= 0)
        client_fail("nothing to read after a peek");
    expect_peeked(client, peeked, (size_t)result < done ? (size_t)result : done, bytes, done);
    return done;
}

static void expect_clean_end(struct client *client, int result, int error)
{
    if (result != 0 || error != SSL_ERROR_ZERO_RETURN ||
        !(SSL_get_shutdown(client->ssl) & SSL_RECEIVED_SHUTDOWN))
        client_fail("no clean end: result %d, error %d, errno %d", result, error, errno);
    if (SSL_pending(client->ssl) != 0)
        client_fail("bytes are pending after the end");
}

size_t client_receive(struct client *client, char *bytes, size_t size)
{
    const struct manner *manner = client->manner;
    for (;;) {
        size_t done = 0;
        bool is_there = manner->asks_pending && SSL_pending(client->ssl) > 0;
        if (manner->waits_first && !client->may_have_more && !is_there)
            manner->wait(client, false);
        ERR_clear_error();
        if (manner->peeks && (done = peek_and_read(client, bytes, size)) > 0)
            return done;
        int result = read_once(client, bytes, size, &done);
        int error = SSL_get_error(client->ssl, result);
        if (result > 0 && error != SSL_ERROR_NONE)
            client_fail("error %d after a read that succeeded", error);
        client->may_have_more = manner->drains && result > 0;
        client->has_received |= result > 0;
        if (result > 0)
            return done;
        if (error != SSL_ERROR_WANT_READ || !manner->wait) {
            expect_clean_end(client, result, error);
            return 0;
        }
        if (!manner->waits_first)
            manner->wait(client, false);
    }
}
