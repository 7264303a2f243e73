/*
 * HTTP/1.1 messages by llhttp, either direction, incrementally (RFC 9112).
 *
 * A message reader is fed bytes as they pass; it keeps the head's fields and, if told to, the body
 * in identity form (chunks joined, content-coding removed at the end with zlib). It never asks for
 * a byte to be changed. Not thread-safe: one connection, one reader a direction.
 */
#ifndef VCACHE_EXCHANGE_HTTP_H
#define VCACHE_EXCHANGE_HTTP_H

#include "base/bytes.h"

enum http_state {
    HTTP_HEAD,  /* the head is not whole yet */
    HTTP_BODY,  /* the head is whole, the body is not */
    HTTP_DONE,  /* the message is whole; further bytes belong to the next one */
    HTTP_BROKEN /* not HTTP/1.x as llhttp reads it strictly, or no memory, or a limit: give up */
};

enum http_direction { HTTP_REQUEST, HTTP_RESPONSE };

struct http_message; /* opaque */

/* `head_limit` and `body_limit` in bytes bound what is kept: a longer head is HTTP_BROKEN; a longer
 * body is no longer kept (http_body_is_kept becomes false) while its end is still found. */
struct http_message *http_new(enum http_direction direction, size_t head_limit, size_t body_limit);
void http_free(struct http_message *message);
/* Ready for the next message; keeps memory. `wipe`: overwrites what was kept first (a password). */
void http_restart(struct http_message *message, bool wipe);

/* Of a whole request: the next one is the same but for its body, which is copied from `body`. False
 * without memory. */
bool http_replace_body(struct http_message *message, struct span body);

/* The method of the request that a response answers: a HEAD's has no body. Default POST. */
void http_set_request_was_head(struct http_message *message, bool was_head);

/*
 * Feeds `size` bytes; returns how many of them belong to this message (all, unless it became
 * HTTP_DONE or HTTP_BROKEN before the end). The state after it is http_state_of.
 */
size_t http_feed(struct http_message *message, const void *bytes, size_t size);
/* Of a response: how many of the bytes fed since http_restart were interim (1xx) responses, which
 * come before the final one and are skipped. */
size_t http_interim_size(const struct http_message *message);
enum http_state http_state_of(const struct http_message *message);
/* The peer closed cleanly: a close-delimited body is whole (HTTP_DONE); anything else unfinished is
 * HTTP_BROKEN. */
void http_feed_end(struct http_message *message);

/* Of a request, once the head is whole: */
struct span http_method(const struct http_message *message); /* "POST" */
struct span http_target(const struct http_message *message); /* "/sdk?x" as sent */
/* Of a response: */
unsigned http_status(const struct http_message *message);
/* Of both: */
bool http_is_1_1(const struct http_message *message);
bool http_keeps_alive(const struct http_message *message);      /* llhttp_should_keep_alive; of a
                                                                   request also: what it wishes */
bool http_expects_continue(const struct http_message *message); /* Expect: 100-continue */
bool http_is_close_delimited(const struct http_message *message);

/* The first field of that name (any case), trimmed; data is NULL if there is none. */
struct span http_field(const struct http_message *message, const char *name);
/* All of them in order: `index` from 0; false past the end. Repeated fields are separate. */
bool http_field_at(const struct http_message *message, size_t index, struct span *name,
                   struct span *value);
/* The status line or request line without CRLF. */
struct span http_start_line(const struct http_message *message);

/* Body bytes so far as transferred (after joining chunks, before removing a content-coding). */
bool http_body_is_kept(const struct http_message *message);
struct span http_body(const struct http_message *message);

/*
 * The kept body of a whole message in identity form (gzip, x-gzip and deflate are removed; RFC
 * 9110, 8.4.1), lent until http_restart. A coding is removed once, however many ask. False: the
 * body is not kept, an unknown coding, broken data, more than `limit` bytes, no zlib.
 */
bool http_identity_body(struct http_message *message, size_t limit, struct span *identity);

/* Whether the head, as far as `bytes` go, may still be a vSphere request of this cache's sense: a
 * POST or GET whose path is /sdk or below it, or one that reads or changes a datastore's files
 * (/folder). A few comparisons, no allocation; called on the first
 * bytes of every connection of every program. */
enum http_recognised { HTTP_NO, HTTP_MAYBE, HTTP_YES };
enum http_recognised http_recognise(const void *bytes, size_t size);

#endif
