/*
 * Answers: what a program is given in the origin's place, handed out piece by piece.
 *
 * The bytes lie where they are: in the cache's mapped file (a lent response), in a buffer of the
 * answer's own, or in constants. Not thread-safe.
 */
#ifndef VCACHE_EXCHANGE_ANSWER_H
#define VCACHE_EXCHANGE_ANSWER_H

#include "base/bytes.h"
#include "cache/store.h"

#define ANSWER_PIECES 6

struct answer {
    struct span pieces[ANSWER_PIECES];
    size_t piece_count;
    size_t at;     /* the piece being read */
    size_t offset; /* read of it */
    size_t size;   /* bytes left in all */
    struct stored_response lent;
    struct buffer head;
    struct buffer body;
    bool closes; /* after it the program expects the connection to be closed */
};

/* Each begins an answer; what was left of the one before must have been read or ended. The
 * connection's `closes` adds `Connection: close`. */

/* 100 Continue, for a program that waits with its body (RFC 9110, 10.1.1). */
void answer_interim(struct answer *answer);
/* The origin's own bytes, held back until now; `bytes` are taken over and left empty. */
void answer_raw(struct answer *answer, struct buffer *bytes);
/* A response lent by the store: the answer takes over the loan. */
void answer_lent(struct answer *answer, const struct stored_response *lent, bool closes);
/* The answer's own `head` and `body`, filled by the caller before. */
void answer_own(struct answer *answer, bool closes);
/* An empty SOAP response of that name: what the origin says to a Logout or a DestroyView. False
 * without memory. */
bool answer_empty_response(struct answer *answer, const char *name, bool closes);

/* One message that waits, and none of it was read: its head, without its empty line, and its body.
 * They stay where they are until the answer is read, detached or ended. False: it is not so. */
bool answer_parts(const struct answer *answer, struct span *head, struct span *body);

/* The body of a message that was begun and not read to its end. */
struct span answer_body(const struct answer *answer);

/* Copies up to `size` bytes; `peek` leaves them. */
size_t answer_read(struct answer *answer, void *bytes, size_t size, bool peek);

/* Copies a lent response out of the mapped file; if there is no memory it stays lent. */
void answer_detach(struct answer *answer);

/* Nothing waits any more; memory is kept for the next one. */
void answer_end(struct answer *answer);
void answer_free(struct answer *answer);

#endif
