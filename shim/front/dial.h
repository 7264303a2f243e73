/*
 * Dialling: one TCP connection after another on the same open file.
 *
 * connect(2) to AF_UNSPEC dissolves a connection and leaves the open file as it is: its number and
 * duplicates, the options that the program set, what epoll instances know of it. A new connection
 * can then be made on it, and the handshake with the new peer goes over the same SSL.
 *
 * When that is right is not known here. Nothing takes longer than the dial's deadline and nothing
 * raises SIGPIPE between dial_begin and dial_end. errno is not kept. One thread a descriptor.
 */
#ifndef VCACHE_FRONT_DIAL_H
#define VCACHE_FRONT_DIAL_H

#include "front/caller.h"
#include "front/sigpipe.h"

#include <sys/socket.h>

/* An address that can be dialled; no size: none. */
struct dial_peer {
    struct sockaddr_storage address;
    socklen_t size;
};

bool dial_is_tcp(int fd);

/* Who is at the other end of a TCP connection over IPv4 or IPv6; of any other: nobody. */
struct dial_peer dial_peer_of(int fd);
unsigned dial_port(const struct dial_peer *peer);

struct dial {
    int fd;
    int flags; /* of the open file, as the program set them */
    struct sigpipe sigpipe;
    uint64_t deadline_us;
    bool heeds_signals; /* false until the caller says so */
};

/* What the program itself set on the socket (SO_RCVTIMEO, SO_SNDTIMEO; the shorter), else
 * `default_ms`. */
uint64_t dial_limit(int fd, uint64_t default_ms);

/* The deadline is `limit_ms` from now, or what the program itself set on the socket if that is less
 * (SO_RCVTIMEO, SO_SNDTIMEO). The file does not block until dial_end. False: it cannot be. */
bool dial_begin(struct dial *dial, int fd, uint64_t limit_ms);
/* The file and the thread are as they were. */
void dial_end(const struct dial *dial);

/* Returns when one of the poll `events` has come, or an error; false at the deadline, errno being
 * ETIMEDOUT. A dial that heeds signals also ends, with EINTR, when one was caught and a system call
 * of the program would have been interrupted by it: time-outs are set by alarm(2), and Python and
 * Perl run their handlers only when the call has returned. */
bool dial_wait(const struct dial *dial, short events);
/* Waits for what the SSL's last call wants; false also if that is not the socket. */
bool dial_wait_for(const struct dial *dial, const struct openssl *openssl, const SSL *ssl);

bool dial_dissolve(const struct dial *dial);
/* Only where nothing is connected; on failure errno says why, as of a connect that blocks. */
bool dial_connect(const struct dial *dial, const struct dial_peer *peer);
/* Its two halves: the connection is under way, or there; and it is there. */
bool dial_start(const struct dial *dial, const struct dial_peer *peer);
bool dial_finish(const struct dial *dial);
/* Only on an SSL that is new or cleared. What went wrong is in OpenSSL's error queue. */
bool dial_handshake(const struct dial *dial, const struct openssl *openssl, SSL *ssl);

#endif
