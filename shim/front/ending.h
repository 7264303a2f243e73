/*
 * Endings: what the real functions said when a connection was found at its end, kept for a program
 * that was not told at once. It is told if the connection cannot be made anew (renew.h); so what it
 * sees then is what it would have seen without the shim.
 *
 * OpenSSL's error queue belongs to the thread; otherwise not thread-safe, as an SSL is not.
 */
#ifndef VCACHE_FRONT_ENDING_H
#define VCACHE_FRONT_ENDING_H

#include "front/real.h"

struct call;

struct ending {
    bool is_known;
    bool is_clean;        /* by a close_notify */
    bool is_reset;        /* writing fails too; else the kernel would take what is written */
    int result;           /* of SSL_read */
    int number;           /* errno then */
    unsigned long queued; /* the error that it left in OpenSSL's queue; 0: none */
};

/* Before a real call that may meet the end. Marks the error queue: one of the next two follows. */
void ending_expect(struct ending *ending, const struct openssl *openssl);
/* It met the end, with that result; the queue is as it was before. */
void ending_note(struct ending *ending, const struct openssl *openssl, const SSL *ssl, int result);
/* It did not, or the program is told by the call itself: nothing is known. */
void ending_dismiss(struct ending *ending, const struct openssl *openssl);

/* What the call is to return when it reads at such an end; errno and the queue fit it. */
int ending_of_read(const struct ending *ending, const struct call *call);
/* The same of one that writes; 1: its bytes are taken, and lost. */
int ending_of_write(const struct ending *ending, const struct call *call);

#endif
