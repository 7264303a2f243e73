/*
 * Worker: calls on a TLS connection that is not vSphere's, as cheap as such calls can be, so that
 * what the shim adds shows. Both ends of the connection are in this process.
 *
 *     foreign SSL_read             of a byte that has been decrypted already
 *     foreign SSL_write            of a byte, to where it costs nothing (a BIO that drops it)
 *     foreign poll|send|recv       of the descriptor: of nothing
 *     foreign read|write           of a byte, where it costs nothing (/dev/null)
 *     foreign CALL nowhere         the same five where they are no system calls (nowhere.h)
 */
#include "measure.h"
#include "nowhere.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECORD_SIZE = 16384 };

struct foreign {
    SSL *client;
    SSL *server;
    int fd; /* the client's */
};

/* ---- the connection -------------------------------------------------------------------------- */

/* Not at the address of the origins, one of which had any port before: the cache may know it. */
static bool connect_both(int *client, int *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    *server = -1;
    if (bind(listener, (const struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
        connect(*client, (const struct sockaddr *)&address, size) == 0)
        *server = accept(listener, NULL, NULL);
    close(listener);
    return *server >= 0;
}

static unsigned give_key(SSL *ssl, const char *hint, char *identity, unsigned identity_size,
                         unsigned char *key, unsigned key_size)
{
    (void)ssl;
    (void)hint;
    strncpy(identity, "bench", identity_size);
    memset(key, 7, key_size < 16 ? key_size : 16);
    return 16;
}

static unsigned accept_key(SSL *ssl, const char *identity, unsigned char *key, unsigned key_size)
{
    (void)ssl;
    (void)identity;
    memset(key, 7, key_size < 16 ? key_size : 16);
    return 16;
}

/* A key known to both: no certificate is needed. */
static SSL *new_end(int fd, bool is_client)
{
    SSL_CTX *context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "PSK-AES128-GCM-SHA256");
    if (is_client)
        SSL_CTX_set_psk_client_callback(context, give_key);
    else
        SSL_CTX_set_psk_server_callback(context, accept_key);
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(ssl, fd);
    return ssl;
}

static void set_blocking(int fd, bool is_blocking)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static bool shake_hands(struct foreign *foreign, int server_fd)
{
    set_blocking(foreign->fd, false);
    set_blocking(server_fd, false);
    for (int i = 0; i < 100; i++) {
        int client = SSL_connect(foreign->client);
        int server = SSL_accept(foreign->server);
        if (client == 1 && server == 1) {
            set_blocking(foreign->fd, true);
            set_blocking(server_fd, true);
            return true;
        }
    }
    return false;
}

/* A first request and answer of something else. */
static bool talk(struct foreign *foreign)
{
    static const char request[] = "GET /status HTTP/1.1\r\nHost: example.com\r\n\r\n";
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    char bytes[256];
    return SSL_write(foreign->client, request, sizeof(request) - 1) > 0 &&
           SSL_read(foreign->server, bytes, sizeof(bytes)) > 0 &&
           SSL_write(foreign->server, answer, sizeof(answer) - 1) > 0 &&
           SSL_read(foreign->client, bytes, sizeof(bytes)) > 0;
}

static bool open_connection(struct foreign *foreign)
{
    int server_fd;
    if (!connect_both(&foreign->fd, &server_fd))
        return false;
    foreign->client = new_end(foreign->fd, true);
    foreign->server = new_end(server_fd, false);
    return shake_hands(foreign, server_fd) && talk(foreign);
}

/* ---- the calls ------------------------------------------------------------------------------- */

static bool make_reads(void *closure, unsigned calls, double *ns)
{
    struct foreign *foreign = closure;
    static const char record[RECORD_SIZE];
    char byte;
    *ns = 0;
    for (unsigned done = 0; done < calls;) {
        /* The first byte of the record costs its decryption, and is not counted. */
        if (SSL_write(foreign->server, record, sizeof(record)) != sizeof(record) ||
            SSL_read(foreign->client, &byte, 1) != 1)
            return false;
        unsigned part = calls - done < RECORD_SIZE - 1 ? calls - done : RECORD_SIZE - 1;
        unsigned got = 0;
        double begun = now_ns();
        for (unsigned i = 0; i < part; i++)
            got += SSL_read(foreign->client, &byte, 1) == 1;
        *ns += now_ns() - begun;
        if (got != part)
            return false;
        while (SSL_pending(foreign->client) > 0)
            if (SSL_read(foreign->client, &byte, 1) != 1)
                return false;
        done += part;
    }
    return true;
}

static bool make_writes(void *closure, unsigned calls, double *ns)
{
    struct foreign *foreign = closure;
    bool is_done = true;
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = SSL_write(foreign->client, "x", 1) == 1;
    *ns = now_ns() - begun;
    return is_done;
}

/* No system call: it would take longer than what is measured, and never twice the same. */
static bool drop_writes(const struct foreign *foreign)
{
    BIO *nowhere = BIO_new(BIO_s_null());
    if (nowhere)
        SSL_set0_wbio(foreign->client, nowhere);
    return nowhere != NULL;
}

static ssize_t poll_once(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, 0);
}

static ssize_t send_nothing(int fd)
{
    return send(fd, "", 0, MSG_DONTWAIT);
}

static ssize_t receive_nothing(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT);
}

static ssize_t read_nothing(int fd)
{
    char byte;
    return read(fd, &byte, 1);
}

static ssize_t write_a_byte(int fd)
{
    return write(fd, "x", 1);
}

static const struct call {
    const char *name;
    ssize_t (*make)(int fd);
    ssize_t result; /* nowhere it is 0 */
    bool is_diverted;
} libc_calls[] = {{"poll", poll_once, 0, false},
                  {"send", send_nothing, 0, false},
                  {"recv", receive_nothing, -1, false}, /* EAGAIN */
                  {"read", read_nothing, 0, true},
                  {"write", write_a_byte, 1, true}};

struct caller {
    const struct call *call;
    int fd;
    ssize_t result;
};

static bool make_libc_calls(void *closure, unsigned calls, double *ns)
{
    const struct caller *caller = closure;
    bool is_done = true;
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = caller->call->make(caller->fd) == caller->result;
    *ns = now_ns() - begun;
    return is_done;
}

static bool divert(const struct foreign *foreign)
{
    int nowhere = open("/dev/null", O_RDWR);
    return nowhere >= 0 && dup2(nowhere, foreign->fd) >= 0;
}

static const struct call *libc_call(const char *name)
{
    for (size_t i = 0; i < sizeof(libc_calls) / sizeof(libc_calls[0]); i++)
        if (strcmp(name, libc_calls[i].name) == 0)
            return &libc_calls[i];
    return NULL;
}

static bool serve_libc_calls(const struct foreign *foreign, const struct call *call,
                             bool is_nowhere)
{
    struct caller caller = {call, is_nowhere ? NOWHERE : foreign->fd,
                            is_nowhere ? 0 : call->result};
    return (is_nowhere || !call->is_diverted || divert(foreign)) &&
           worker_serve(0, make_libc_calls, &caller);
}

static bool serve(struct foreign *foreign, const char *name, bool is_nowhere)
{
    const struct call *call = libc_call(name);
    if (call)
        return serve_libc_calls(foreign, call, is_nowhere);
    if (strcmp(name, "SSL_read") == 0)
        return worker_serve(0, make_reads, foreign);
    return drop_writes(foreign) && worker_serve(0, make_writes, foreign);
}

int main(int count, char **arguments)
{
    struct foreign foreign = {0};
    return (count == 2 || count == 3) && open_connection(&foreign) &&
                   serve(&foreign, arguments[1], count == 3)
               ? 0
               : 1;
}
