/* Messages that differ from what was received: with other names, or of our own. */
#include "exchange/state.h"

#include "exchange/rename.h"
#include "exchange/secret.h"

#include <stdio.h>
#include <string.h>

#define END_OF_LINE "\r\n"

/* Fields that speak of one connection or one transfer, not of the message (RFC 9110, 7.6.1), and
 * those that describe an encoding which is removed. */
static bool is_of_transfer(struct span name)
{
    static const char *const names[] = {"Keep-Alive",     "Proxy-Connection", "Transfer-Encoding",
                                        "Content-Length", "Content-Encoding", "Trailer",
                                        "Upgrade"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_equal_ignoring_case(name, span_of_text(names[i])))
            return true;
    return false;
}

static void append_field(struct buffer *to, struct span name, struct span value)
{
    buffer_append_span(to, name);
    buffer_append_text(to, ": ");
    buffer_append_span(to, value);
    buffer_append_text(to, END_OF_LINE);
}

static void append_length(struct buffer *to, size_t body_size)
{
    char length[64];
    int size = snprintf(length, sizeof(length), "Content-Length: %zu" END_OF_LINE, body_size);
    buffer_append(to, length, size > 0 ? (size_t)size : 0);
}

/* ---- requests ------------------------------------------------------------------------------- */

enum composed {
    COMPOSED_PROGRAMS, /* its own request */
    COMPOSED_OURS,     /* one of ours in its session */
    COMPOSED_LOGIN,    /* one of ours in no session */
};

static bool is_left_out(struct span name, enum composed composed)
{
    if (is_of_transfer(name) || span_equal_ignoring_case(name, SPAN_OF("Expect")))
        return true;
    if (composed != COMPOSED_PROGRAMS && span_equal_ignoring_case(name, SPAN_OF("Connection")))
        return true;
    return composed == COMPOSED_LOGIN && span_equal_ignoring_case(name, SPAN_OF("Cookie"));
}

/* Without the fields that depend on the body, and the empty line. */
static void append_request_head(const struct exchange *x, enum composed composed, struct buffer *to)
{
    struct span name, value;
    if (composed == COMPOSED_PROGRAMS) {
        buffer_append_span(to, http_start_line(x->request));
    } else {
        buffer_append_text(to, "POST ");
        buffer_append_span(to, asked_is_file(x) ? SPAN_OF("/sdk") : http_target(x->request));
        buffer_append_text(to, " HTTP/1.1");
    }
    buffer_append_text(to, END_OF_LINE);
    for (size_t i = 0; http_field_at(x->request, i, &name, &value); i++)
        if (!is_left_out(name, composed))
            append_field(to, name, value);
    if (composed != COMPOSED_PROGRAMS && !http_field(x->request, "Content-Type").data)
        append_field(to, SPAN_OF("Content-Type"), SPAN_OF("text/xml; charset=utf-8"));
}

/* Makes `head`, the length and `body` what is held. */
static bool hold_request(struct exchange *x, struct span head, struct span body, bool is_secret)
{
    struct buffer end = {0};
    append_length(&end, body.size);
    buffer_append_text(&end, END_OF_LINE);
    buffer_clear(&x->held);
    x->sent = 0;
    x->holds_secret = is_secret;
    bool is_held = !end.failed && secret_append(&x->held, head.data, head.size) &&
                   secret_append(&x->held, end.data, end.size) &&
                   secret_append(&x->held, body.data, body.size);
    buffer_free(&end);
    return is_held;
}

/* The names are replaced in all of it, for a cookie stands in the head and a view in the body. */
static bool compose(struct exchange *x, struct span body, enum composed composed)
{
    struct buffer head = {0}, names = {0}, renamed_head = {0}, renamed_body = {0};
    append_request_head(x, composed, &head);
    bool is_login = composed == COMPOSED_LOGIN;
    bool is_done = !head.failed;
    if (is_login) {
        is_done = is_done && hold_request(x, buffer_span(&head), body, true);
    } else {
        is_done = is_done && session_names(x->asked.session, x->asked.actual, &names) &&
                  rename_text(buffer_span(&head), buffer_span(&names), RENAME_FOR_ORIGIN,
                              &renamed_head) &&
                  rename_text(body, buffer_span(&names), RENAME_FOR_ORIGIN, &renamed_body) &&
                  hold_request(x, buffer_span(&renamed_head), buffer_span(&renamed_body), false);
    }
    struct buffer *all[] = {&head, &names, &renamed_head, &renamed_body};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        buffer_wipe(all[i]);
        buffer_free(all[i]);
    }
    return is_done;
}

bool compose_request(struct exchange *x)
{
    struct span body = {0};
    return exchange_request_body(x, &body) && compose(x, body, COMPOSED_PROGRAMS);
}

bool compose_own_request(struct exchange *x, struct span body, bool is_login)
{
    return compose(x, body, is_login ? COMPOSED_LOGIN : COMPOSED_OURS);
}

void compose_held_head(struct exchange *x)
{
    struct buffer names = {0}, renamed = {0};
    const uint8_t *end = x->held.size ? memmem(x->held.data, x->held.size, "\r\n\r\n", 4) : NULL;
    size_t size = end ? (size_t)(end - x->held.data) : 0;
    if (size > 0 && session_names(x->asked.session, x->asked.actual, &names) &&
        rename_text((struct span){x->held.data, size}, buffer_span(&names), RENAME_FOR_ORIGIN,
                    &renamed) &&
        buffer_append(&renamed, end, x->held.size - size)) {
        struct buffer before = x->held;
        x->held = renamed;
        renamed = before;
    }
    buffer_wipe(&names);
    buffer_free(&names);
    buffer_wipe(&renamed);
    buffer_free(&renamed);
}

/* ---- responses ------------------------------------------------------------------------------ */

bool compose_head(const struct http_message *response, struct span status_line, size_t body_size,
                  struct buffer *head)
{
    struct span name, value;
    buffer_append_span(head, status_line);
    buffer_append_text(head, END_OF_LINE);
    for (size_t i = 0; http_field_at(response, i, &name, &value); i++)
        if (!is_of_transfer(name) && !span_equal_ignoring_case(name, SPAN_OF("Connection")))
            append_field(head, name, value);
    append_length(head, body_size);
    return !head->failed;
}

bool compose_length(struct buffer *head, size_t body_size)
{
    static const char name[] = "Content-Length: ";
    uint8_t *field = head->size ? memmem(head->data, head->size, name, sizeof(name) - 1) : NULL;
    if (!field)
        return false;
    size_t at = (size_t)(field - head->data);
    const uint8_t *end = memchr(field, '\n', head->size - at);
    size_t size = end ? (size_t)(end + 1 - field) : head->size - at;
    memmove(field, field + size, head->size - at - size);
    head->size -= size;
    append_length(head, body_size);
    return !head->failed;
}

static bool rename_in(struct exchange *x, struct span text, enum rename_way way, struct buffer *to)
{
    struct buffer names = {0};
    bool is_done =
        (!x->asked.session || session_names(x->asked.session, x->asked.actual, &names)) &&
        rename_text(text, buffer_span(&names), way, to);
    buffer_wipe(&names);
    buffer_free(&names);
    return is_done;
}

bool compose_for_origin(struct exchange *x, struct span text, struct buffer *to)
{
    return rename_in(x, text, RENAME_FOR_ORIGIN, to);
}

bool compose_for_program(struct exchange *x, struct span text, struct buffer *to)
{
    return rename_in(x, text, RENAME_FOR_PROGRAM, to);
}

/* Head and body of the whole response, renamed, as the answer's own. */
static bool rename_response(struct exchange *x, struct span body)
{
    struct buffer head = {0};
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    bool is_done =
        compose_for_program(x, body, &x->answer.body) &&
        compose_head(x->response, http_start_line(x->response), x->answer.body.size, &head) &&
        compose_for_program(x, buffer_span(&head), &x->answer.head);
    buffer_wipe(&head);
    buffer_free(&head);
    return is_done;
}

bool compose_answer(struct exchange *x)
{
    struct span body;
    bool closes = x->asked.closes || !http_keeps_alive(x->response);
    bool is_done = x->asked.session && x->asked.actual != x->asked.session &&
                   exchange_response_body(x, &body) && rename_response(x, body);
    if (is_done)
        answer_own(&x->answer, closes);
    return is_done;
}
