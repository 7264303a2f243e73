/* HTTP/1.1 messages: see http.h. llhttp finds where head, body and message end; what the head says
 * is http_head.c's. */
#include "exchange/llhttp_names.h"

#include "exchange/http.h"
#include "exchange/http_head.h"
#include "exchange/http_identity.h"
#include "exchange/secret.h"

#include <stdlib.h>
#include <string.h>

/* Memory above this is given back when a message is done, not kept for the next one. */
#define KEPT_CAPACITY ((size_t)256 * 1024)
/* At most this much is reserved on the word of a Content-Length. */
#define TRUSTED_LENGTH ((size_t)1024 * 1024)

struct http_message {
    llhttp_t parser;
    enum http_direction direction;
    size_t head_limit, body_limit;
    bool request_was_head;
    size_t fed;     /* bytes since http_restart */
    size_t interim; /* of them, those of whole 1xx responses */

    enum http_state state;
    bool is_interim; /* this head is a 1xx response's: the final one follows */
    bool is_at_end;  /* llhttp has seen the message's last byte */
    bool keeps_alive, is_close_delimited;
    bool is_body_dropped;
    struct http_head head;
    struct buffer body;
    struct buffer identity; /* the body without its coding, once somebody asked */
    bool is_decoded;
    size_t decoding_limit; /* it was tried in vain with this one */
};

static struct http_message *message_of(llhttp_t *parser)
{
    return parser->data;
}

/* A request may hold a password or a cookie, in body or head. */
static bool keep(const struct http_message *m, struct buffer *kept, size_t limit, const char *bytes,
                 size_t size)
{
    if (size > limit - kept->size)
        return false;
    return m->direction == HTTP_REQUEST ? secret_append(kept, bytes, size)
                                        : buffer_append(kept, bytes, size);
}

/* ---- what llhttp calls ------------------------------------------------------------------- */

static bool is_bodiless(const struct http_message *m)
{
    if (m->direction == HTTP_REQUEST)
        return false;
    unsigned status = m->parser.status_code;
    /* RFC 9112, 6.3. llhttp would read a body after a 304 with a Content-Length. */
    return m->request_was_head || status / 100 == 1 || status == 204 || status == 304;
}

/* Pauses behind the head, so that it is judged before anything of the body is read. */
static int on_headers_complete(llhttp_t *parser)
{
    if (is_bodiless(message_of(parser)))
        parser->flags |= F_SKIPBODY;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct http_message *m = message_of(parser);
    if (m->is_body_dropped)
        return 0;
    if (!keep(m, &m->body, m->body_limit, at, size)) {
        m->is_body_dropped = true;
        secret_free(&m->body);
    }
    return 0;
}

/* Pauses behind the message: what follows is the next one's. */
static int on_message_complete(llhttp_t *parser)
{
    message_of(parser)->is_at_end = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- life -------------------------------------------------------------------------------- */

static void expect_head(struct http_message *m)
{
    llhttp_init(&m->parser, m->direction == HTTP_REQUEST ? LLHTTP_REQUEST : LLHTTP_RESPONSE,
                &settings);
    m->parser.data = m;
    m->state = HTTP_HEAD;
    m->is_interim = m->is_at_end = false;
    m->keeps_alive = m->is_close_delimited = false;
    m->is_body_dropped = false;
    http_head_clear(&m->head);
    buffer_clear(&m->body);
    buffer_clear(&m->identity);
    m->is_decoded = false;
    m->decoding_limit = 0;
}

struct http_message *http_new(enum http_direction direction, size_t head_limit, size_t body_limit)
{
    struct http_message *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->direction = direction;
    m->head_limit = head_limit;
    m->body_limit = body_limit;
    expect_head(m);
    return m;
}

void http_free(struct http_message *message)
{
    if (!message)
        return;
    buffer_wipe(&message->head.bytes); /* a cookie */
    http_head_free(&message->head);
    secret_free(&message->body);
    secret_free(&message->identity);
    free(message);
}

void http_restart(struct http_message *message, bool wipe)
{
    if (wipe) {
        buffer_wipe(&message->head.bytes);
        buffer_wipe(&message->body);
        buffer_wipe(&message->identity);
    }
    if (message->body.capacity > KEPT_CAPACITY)
        buffer_free(&message->body);
    if (message->identity.capacity > KEPT_CAPACITY)
        buffer_free(&message->identity);
    message->request_was_head = false;
    message->fed = message->interim = 0;
    expect_head(message);
}

bool http_replace_body(struct http_message *message, struct span body)
{
    buffer_clear(&message->body);
    buffer_clear(&message->identity);
    message->is_decoded = false;
    message->decoding_limit = 0;
    message->is_body_dropped =
        !keep(message, &message->body, message->body_limit, (const char *)body.data, body.size);
    return message->state == HTTP_DONE && !message->is_body_dropped;
}

void http_set_request_was_head(struct http_message *message, bool was_head)
{
    message->request_was_head = was_head;
}

/* ---- the head ---------------------------------------------------------------------------- */

static size_t count_fields(const struct http_message *m, struct span wanted, struct span *last)
{
    size_t count = 0;
    struct span name, value;
    for (size_t i = 0; http_head_field(&m->head, i, &name, &value); i++) {
        if (!span_equal_ignoring_case(name, wanted))
            continue;
        *last = value;
        count++;
    }
    return count;
}

/*
 * One way only to tell the length (RFC 9112, 6.3): a head that leaves a choice could be read in
 * another way by the other side. Nor is anything but "chunked" undone here.
 */
static bool has_clear_length(const struct http_message *m)
{
    struct span coding = {0}, length;
    size_t codings = count_fields(m, SPAN_OF("Transfer-Encoding"), &coding);
    size_t lengths = count_fields(m, SPAN_OF("Content-Length"), &length);
    if (codings == 0)
        return lengths <= 1;
    return codings == 1 && lengths == 0 && http_is_1_1(m) &&
           span_equal_ignoring_case(coding, SPAN_OF("chunked"));
}

/* The `index`th word of the start line. */
static struct span start_line_word(const struct http_message *m, unsigned index)
{
    struct span rest = http_head_line(&m->head);
    for (;; index--) {
        const uint8_t *space = rest.size > 0 ? memchr(rest.data, ' ', rest.size) : NULL;
        size_t size = space ? (size_t)(space - rest.data) : rest.size;
        if (index == 0)
            return (struct span){rest.data, size};
        if (!space)
            return (struct span){0};
        rest = (struct span){space + 1, rest.size - size - 1};
    }
}

/* First in a status line, third and last in a request line. */
static bool is_http_1(const struct http_message *m)
{
    static const char protocol[] = "HTTP/1.";
    struct span line = http_head_line(&m->head);
    struct span word = start_line_word(m, m->direction == HTTP_REQUEST ? 2 : 0);
    if (word.size != sizeof(protocol) || memcmp(word.data, protocol, sizeof(protocol) - 1) != 0 ||
        m->parser.http_major != 1 || m->parser.http_minor > 1)
        return false;
    return m->direction == HTTP_RESPONSE || word.data + word.size == line.data + line.size;
}

static void reserve_body(struct http_message *m)
{
    uint64_t length = m->parser.content_length;
    if (length > m->body_limit)
        return;
    size_t size = length < TRUSTED_LENGTH ? (size_t)length : TRUSTED_LENGTH;
    if (size > 0 && (m->parser.flags & F_CONTENT_LENGTH) != 0 && !buffer_reserve(&m->body, size))
        m->is_body_dropped = true;
}

/* The head is whole. False: it is not one that is understood here. */
static bool take_head(struct http_message *m)
{
    if (!http_head_index(&m->head) || !is_http_1(m) || !has_clear_length(m))
        return false;
    if (m->direction == HTTP_RESPONSE && m->parser.status_code < 100)
        return false;
    /* After CONNECT or an upgrade comes something that is not HTTP. */
    if (m->parser.upgrade || m->parser.status_code == 101)
        return false;
    m->is_interim = m->direction == HTTP_RESPONSE && m->parser.status_code / 100 == 1;
    m->keeps_alive = llhttp_should_keep_alive(&m->parser);
    m->is_close_delimited = llhttp_message_needs_eof(&m->parser);
    m->state = m->is_interim ? HTTP_HEAD : HTTP_BODY;
    if (!m->is_interim)
        reserve_body(m);
    return true;
}

/* ---- feeding ----------------------------------------------------------------------------- */

static bool is_open(const struct http_message *m)
{
    return m->state == HTTP_HEAD || m->state == HTTP_BODY;
}

/* One run of llhttp, up to the end of the head or of the message or of the bytes; returns how many
 * it took. */
static size_t run(struct http_message *m, const char *bytes, size_t size, bool *is_paused)
{
    bool is_head = m->state == HTTP_HEAD && !m->is_interim;
    llhttp_errno_t error = llhttp_execute(&m->parser, bytes, size);
    *is_paused = error == HPE_PAUSED;
    size_t taken = size;
    if (*is_paused) {
        taken = (size_t)(llhttp_get_error_pos(&m->parser) - bytes);
        llhttp_resume(&m->parser);
    } else if (error != HPE_OK) {
        m->state = HTTP_BROKEN;
        return 0;
    }
    if (is_head &&
        (!keep(m, &m->head.bytes, m->head_limit, bytes, taken) || (*is_paused && !take_head(m))))
        m->state = HTTP_BROKEN;
    return taken;
}

size_t http_feed(struct http_message *message, const void *bytes, size_t size)
{
    const char *at = bytes;
    size_t taken = 0;
    bool is_paused = size > 0;
    while (is_open(message) && is_paused) {
        taken += run(message, at + taken, size - taken, &is_paused);
        if (message->state == HTTP_BROKEN || !message->is_at_end)
            continue;
        if (message->is_interim) {
            message->interim = message->fed + taken;
            expect_head(message);
        } else {
            message->state = HTTP_DONE;
        }
    }
    message->fed += taken;
    return taken;
}

size_t http_interim_size(const struct http_message *message)
{
    return message->interim;
}

enum http_state http_state_of(const struct http_message *message)
{
    return message->state;
}

void http_feed_end(struct http_message *message)
{
    if (!is_open(message))
        return;
    message->state =
        message->state == HTTP_BODY && message->is_close_delimited ? HTTP_DONE : HTTP_BROKEN;
}

/* ---- what it says ------------------------------------------------------------------------ */

struct span http_method(const struct http_message *message)
{
    return start_line_word(message, 0);
}

struct span http_target(const struct http_message *message)
{
    return start_line_word(message, 1);
}

unsigned http_status(const struct http_message *message)
{
    return message->parser.status_code;
}

bool http_is_1_1(const struct http_message *message)
{
    return message->parser.http_major == 1 && message->parser.http_minor == 1;
}

bool http_keeps_alive(const struct http_message *message)
{
    return message->keeps_alive;
}

bool http_expects_continue(const struct http_message *message)
{
    return span_equal_ignoring_case(http_field(message, "Expect"), SPAN_OF("100-continue"));
}

bool http_is_close_delimited(const struct http_message *message)
{
    return message->is_close_delimited;
}

struct span http_field(const struct http_message *message, const char *name)
{
    struct span wanted = span_of_text(name);
    struct span found, value;
    for (size_t i = 0; http_head_field(&message->head, i, &found, &value); i++)
        if (span_equal_ignoring_case(found, wanted))
            return value;
    return (struct span){0};
}

bool http_field_at(const struct http_message *message, size_t index, struct span *name,
                   struct span *value)
{
    return http_head_field(&message->head, index, name, value);
}

struct span http_start_line(const struct http_message *message)
{
    return http_head_line(&message->head);
}

bool http_body_is_kept(const struct http_message *message)
{
    return !message->is_body_dropped;
}

struct span http_body(const struct http_message *message)
{
    return buffer_span(&message->body);
}

bool http_identity_body(struct http_message *message, size_t limit, struct span *identity)
{
    *identity = (struct span){0};
    if (message->state != HTTP_DONE || message->is_body_dropped)
        return false;
    bool is_coded = http_is_coded(message);
    if (is_coded && !message->is_decoded && limit > message->decoding_limit) {
        message->is_decoded = http_decode(message, limit, &message->identity);
        message->decoding_limit = limit;
    }
    struct span body = buffer_span(is_coded ? &message->identity : &message->body);
    if ((is_coded && !message->is_decoded) || body.size > limit)
        return false;
    *identity = body;
    return true;
}
