/*
 * A vSphere client in C, in several manners of using OpenSSL and a socket.
 *
 * client.c knows HTTP and SOAP: it logs in, reads the VMs' names by a container view, and logs out,
 * and prints what it was told; that is the story `lists`. In `waits` it is told the names by a
 * filter, too; in `leaves` it goes without logging out. A manner knows how bytes go out and come
 * in. Programs end with status 1 and a sentence on stderr at the first thing that is not as it
 * should be. With CLIENT_PAUSE, the name of a fifo, it goes on before the end only when that has
 * been written, and then asks what is never cached. CLIENT_PATIENCE is how long it waits for its
 * socket, in seconds, to shake hands, too: longer than any answer takes, if it is not set.
 * With CLIENT_TURN it connects on a socket that does not block, waits so many milliseconds by poll
 * (CLIENT_SELECTS: by select), CLIENT_TURNS times, and has the socket block then.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct client;

struct manner {
    const char *name;
    bool is_blocking;
    bool closes; /* a connection for each request, `Connection: close`, read to the end */
    size_t write_piece, read_piece; /* bytes a call; 0: as many as there are */
    size_t padding; /* bytes of white space in a request, more than the send buffer takes */
    bool moves; /* retries a write from another place, as SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER allows
                 */
    /* Before the first byte and after the last one of a connection; may be NULL. */
    void (*begin)(struct client *client);
    void (*end)(struct client *client);
    /* Returns when the socket is said to be ready; NULL where the socket blocks. */
    void (*wait)(struct client *client, bool for_writing);
    bool waits_first;   /* for a readable socket before each read, as event loops do */
    bool asks_pending;  /* but not where SSL_pending says that there is something, as Perl does */
    bool drains;        /* reads until there is nothing more before it waits again (edges) */
    bool peeks;         /* looks at what is there before it reads it */
    bool uses_ex_calls; /* SSL_write_ex and kin */
    bool polls_idle; /* finds an idle connection not readable, as urllib3 asks before a request */
    bool reads_idle; /* finds that an idle connection has nothing yet and no end, as Ruby does */
};

struct client {
    const struct manner *manner;
    const char *story;
    SSL_CTX *context;
    SSL *ssl;
    int fd;
    int epoll;          /* the manner's own */
    bool may_have_more; /* the last read was not the end of what was there */
    bool at_beginning;  /* of a request */
    bool has_paused;    /* the connection may have been closed meanwhile */
    bool has_received;  /* something, on this connection: session tickets came before it */
    char cookie[512];
    char *output; /* what it was told, in lines; printed at the end */
    size_t output_size;
};

/* The whole conversation. The caller frees client->output. */
void client_run(struct client *client);

/* Says why and ends the program. */
_Noreturn __attribute__((format(printf, 1, 2))) void client_fail(const char *format, ...);

/* A wait that is not woken fails the test by its message. */
int client_patience_ms(void);

/* transport.c: one connection. */
void client_connect(struct client *client);
void client_close(struct client *client);
void client_send(struct client *client, const char *bytes, size_t size);
/* At least one byte, or 0 at a clean end. */
size_t client_receive(struct client *client, char *bytes, size_t size);

extern const struct manner manner_blocking, manner_ex, manner_select, manner_pselect, manner_poll,
    manner_ppoll, manner_level, manner_edge, manner_oneshot, manner_peek, manner_close,
    manner_close_late, manner_tiny, manner_large, manner_moving, manner_renumbered;

#endif
