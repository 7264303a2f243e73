/*
 * The inside of a deferred connection: for defer.c (the handshake that is answered here), settle.c
 * (the one that is not) and looks.c (what is seen of it meanwhile).
 */
#ifndef VCACHE_FRONT_DEFER_PARTS_H
#define VCACHE_FRONT_DEFER_PARTS_H

#include "cache/statistics.h"
#include "front/chains.h"
#include "front/defer.h"

enum defer_phase { DEFER_WAITING, DEFER_GREETING, DEFER_BROKEN, DEFER_OVER };

enum { PROTOCOL_SIZE = 255 }; /* RFC 7301, 3.1 */

struct callbacks {
    SSL_verify_cb verify;
    void (*info)(const SSL *ssl, int where, int value);
};

struct deferred {
    const struct openssl *openssl;
    SSL *ssl;
    enum defer_phase phase;
    struct descriptor descriptor;
    struct dial_peer peer;
    struct endpoint endpoint;
    STACK_OF(X509) * chain;
    struct chain_trust trust;
    STACK_OF(X509) * verified;
    long verify_result;
    int version;
    const SSL_CIPHER *cipher;
    size_t protocol_size;
    uint8_t protocol[PROTOCOL_SIZE];
    const void *caller;    /* who asked for the handshake, by its return address */
    uint64_t time_out_ms;  /* the program's own for connecting; 0: none that is known */
    uint64_t deadline_ms;  /* clock_milliseconds(): by then it is connected, or real, */
    bool is_limited;       /* for that is the program's own time-out, */
    bool is_hurried;       /* and the kernel was told so, too */
    bool limits_handshake; /* and the handshake's, too */
    bool is_connected;     /* what is waited for is the handshake */
    bool is_refused;
    bool is_untold; /* a write failed, and has not said so yet, */
    int failure;    /* why the last try to make it real did, as of a system call; 0: it did not */
    int broken_by;  /* the failure that the program was told of */
    int told;       /* what the last call said by SSL_get_error, in place of OpenSSL; 0: nothing */
    enum verdict why;     /* it is made real */
    struct callbacks own; /* the program's, while the real handshake is under way */
};

/* In whatever phase; NULL if nothing was ever deferred on this SSL. */
struct deferred *defer_attached(const struct openssl *openssl, const SSL *ssl);

/* What the program was shown stays valid: it is freed with the SSL. */
void defer_end(struct deferred *deferred);

/* The program asks for the handshake again: what SSL_do_handshake is to return. */
int defer_go_on(struct deferred *deferred);

/* The program's language is told by an exception that there is no connection: true, and the call is
 * to succeed, or there is no return. False: by errno, as ever. */
struct python_failure;
bool defer_tell(const void *caller, const struct python_failure *failure);

/* How long is waited for the connection of a program that has that time-out; 0: none, but for what
 * it may have set on the socket. */
uint64_t defer_connect_limit(int fd, uint64_t time_out_ms);

/* Whether that is the certificate that the program was shown. */
bool defer_is_shown(const struct deferred *deferred, const X509 *certificate);

/*
 * Around a call that may shake hands really: for the program the handshake is over, and what its
 * callbacks look at may be gone. Of the certificate that it was shown they are not asked again, of
 * another one they are; of the handshake they are told nothing.
 */
void defer_spare_callbacks(struct deferred *deferred);
void defer_restore_callbacks(const struct deferred *deferred);

/* Whether the program's calls on it may wait. errno is kept. */
bool defer_blocks(int fd);

void defer_report(const struct endpoint *endpoint, enum verdict verdict);

/* Nobody could be got through to, or not in the program's own time (`ran_out`): where the program
 * would have gone on to the next address that it was told with this one (resolved.h), the socket
 * stands in for that now, and it is *peer. errno is kept. */
bool defer_go_on_to_next(const void *caller, bool ran_out, int fd, struct dial_peer *peer);

#endif
