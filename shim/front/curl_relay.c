/* Links, the bytes from libcurl and to it: see curl_link.h. */
#include "front/curl_at_hand.h"
#include "front/curl_cookies.h"
#include "front/curl_link_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_LIMIT = 64 << 10 };

/* ---- to libcurl ---- */

static void append(struct queue *queue, const void *bytes, size_t size)
{
    if (queue->at == queue->bytes.size) {
        buffer_clear(&queue->bytes);
        queue->at = 0;
    }
    buffer_append(&queue->bytes, bytes, size);
}

/* "HTTP/1.1 200 OK": 0 if it is nothing like that. */
static unsigned status_of(struct span head)
{
    enum { AT = sizeof("HTTP/1.1 ") - 1, DIGITS = 3 };
    char digits[DIGITS + 1] = "";
    if (head.size < AT + DIGITS)
        return 0;
    memcpy(digits, head.data + AT, DIGITS);
    return (unsigned)strtoul(digits, NULL, 10);
}

static void notice_redirect(struct curl_link *link, struct span head)
{
    enum { FIRST = 300, LAST = 399 };
    struct curl_handle *handle = link->handle;
    unsigned status = status_of(head);
    size_t at = 0;
    struct span location = curl_field(head, "Location", &at);
    handle->is_redirected_within =
        location.size > 0 && !span_contains(location, SPAN_OF("://")) &&
        !(location.size > 1 && location.data[0] == '/' && location.data[1] == '/');
    if (status >= FIRST && status <= LAST && location.size > 0 &&
        curl_options_number(&handle->options, CURL_OPTION_FOLLOWLOCATION, 0) != 0)
        handle->must_repeat = true;
}

/* The head of a response is whole. */
static void end_response_head(struct curl_link *link)
{
    enum { FINAL = 200 };
    struct span head = buffer_span(&link->response.bytes);
    unsigned status = status_of(head);
    if (status == 0 || status >= FINAL) {
        link->response.is_awaited = false;
        link->request.is_awaited = true;
    }
    if (link->handle) {
        struct curl_passed *passed = &link->handle->passed;
        passed->response_size = head.size;
        passed->plain_responses += curl_response_read(head, &(struct curl_response){0});
        curl_cookies_take(link->handle, head);
        notice_redirect(link, head);
    }
    append(&link->in, head.data, head.size);
    buffer_wipe(&link->response.bytes);
}

/* Collects a head; returns how many of the bytes belong to it. */
static size_t collect(struct head *head, const uint8_t *bytes, size_t size, bool *is_whole)
{
    static const char end[] = "\r\n\r\n";
    enum { END = sizeof(end) - 1 };
    size_t before = head->bytes.size;
    buffer_append(&head->bytes, bytes, size);
    size_t from = before < END ? 0 : before - END;
    const uint8_t *found = head->bytes.failed
                               ? NULL
                               : memmem(head->bytes.data + from, head->bytes.size - from, end, END);
    *is_whole = found || head->bytes.size > HEAD_LIMIT;
    if (!found)
        return size;
    size_t whole = (size_t)(found - head->bytes.data) + END;
    head->bytes.size = whole;
    return whole - before;
}

void link_show(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    while (size > 0 && link->response.is_awaited) {
        bool is_whole;
        size_t used = collect(&link->response, bytes, size, &is_whole);
        bytes += used;
        size -= used;
        if (is_whole)
            end_response_head(link);
    }
    append(&link->in, bytes, size);
}

/* False: some of it has to wait, or it is broken. */
static bool flush(struct curl_link *link)
{
    struct queue *in = &link->in;
    while (in->at < in->bytes.size) {
        ssize_t sent = send(link->ours, in->bytes.data + in->at, in->bytes.size - in->at,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return false;
        in->at += (size_t)sent;
    }
    if (in->bytes.failed)
        link->has_ended = true;
    link->is_shut = link->has_ended && shutdown(link->ours, SHUT_RDWR) == 0;
    return !link->has_ended;
}

/* ---- from libcurl ---- */

/* What was begun to be handed out without a transfer: the whole of it, once the request is whole.
 */
static void replay(struct curl_link *link)
{
    struct span answer = curl_at_hand_rest(link->handle);
    if (link->body_left > 0)
        return;
    link->is_replayed = false;
    link_show(link, answer.data, answer.size);
}

static void feed(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    if (link->is_replayed) {
        replay(link);
        return;
    }
    if (!link->exchange) {
        append(&link->out, bytes, size);
        return;
    }
    bool is_lost = false;
    enum exchange_verdict verdict = exchange_feed_request(link->exchange, bytes, size, &is_lost);
    if (verdict == EXCHANGE_FORWARD)
        link->is_sending = true;
    if (verdict != EXCHANGE_PASS)
        return;
    struct span held = exchange_held(link->exchange);
    append(&link->out, held.data, held.size);
    if (is_lost)
        append(&link->out, bytes, size);
    exchange_free(link->exchange);
    link->exchange = NULL;
    link->is_sending = false;
}

static void end_request_head(struct curl_link *link)
{
    struct head *request = &link->request;
    size_t at = 0;
    size_t before = request->bytes.size;
    if (link->handle) {
        link->handle->peer = link->peer;
        curl_cookies_send(link->handle, &request->bytes);
        link->handle->request_added += request->bytes.size - before;
    }
    struct span length = curl_field(buffer_span(&request->bytes), "Content-Length", &at);
    link->body_left = length.data ? strtoull((const char *)length.data, NULL, 10) : 0;
    request->is_awaited = false;
    if (link->handle) {
        struct curl_passed *passed = &link->handle->passed;
        *passed = (struct curl_passed){.link = link,
                                       .requests = passed->requests + 1,
                                       .plain_responses = passed->plain_responses,
                                       .head_size = before,
                                       .body_size = link->body_left};
        link->is_replayed = curl_at_hand_rest(link->handle).size > 0;
    }
    if (!link->exchange)
        link->exchange = link_new_exchange(link);
    link->response.is_awaited = true;
    link->is_first = true;
    feed(link, request->bytes.data, request->bytes.size);
    buffer_wipe(&request->bytes);
}

static void accept_bytes(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    while (size > 0 && link->request.is_awaited && link->body_left == 0) {
        bool is_whole;
        size_t used = collect(&link->request, bytes, size, &is_whole);
        bytes += used;
        size -= used;
        if (is_whole)
            end_request_head(link);
    }
    if (size == 0)
        return;
    link->body_left -= size < link->body_left ? size : link->body_left;
    feed(link, bytes, size);
}

static bool take_request(struct curl_link *link)
{
    uint8_t bytes[LINK_PIECE];
    ssize_t size = recv(link->ours, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size <= 0)
        return false;
    accept_bytes(link, bytes, (size_t)size);
    explicit_bzero(bytes, (size_t)size);
    return true;
}

static bool take_answer(struct curl_link *link)
{
    uint8_t bytes[LINK_PIECE];
    size_t size =
        link->exchange ? exchange_answer_read(link->exchange, bytes, sizeof(bytes), false) : 0;
    if (size > 0) {
        link_show(link, bytes, size);
        explicit_bzero(bytes, size);
    } else if (link->is_ending) {
        link->has_ended = true;
    }
    if (link->exchange && exchange_is_at_end(link->exchange))
        link->has_ended = true;
    return size > 0 || link->has_ended;
}

/* ---- all of it ---- */

static bool pump(struct curl_link *link)
{
    bool has_moved = false;
    if (link->is_shut || !link_is_open(link) || !link_accept(link))
        return false;
    while (flush(link) && !(link->handle && link->handle->must_repeat) &&
           (take_answer(link) || take_request(link) || link_send(link) || link_receive(link)))
        has_moved = true;
    return has_moved;
}

bool curl_links_pump(struct curl_handle *handle)
{
    int saved = errno;
    bool has_moved = false;
    for (struct curl_link *link = handle->links; link; link = link->next_of_handle)
        has_moved |= pump(link);
    errno = saved;
    return has_moved;
}
