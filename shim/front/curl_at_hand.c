/* At hand, when, and handing out: see curl_at_hand.h. */
#include "front/curl_at_hand_parts.h"
#include "front/curl_front.h"
#include "front/curl_link.h"
#include "front/curl_trust.h"

#include "base/clock.h"
#include "cache/key.h"
#include "exchange/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    /* Half of what libcurl hands out at most: with a page of each side of a copy it stays in the
     * processor's nearest cache, which 16 KB do not. */
    PIECE = CURL_MAX_WRITE_SIZE / 2,
    LINE = 64,
    LEAST_PIECE = 1024, /* READBUFFER_MIN of libcurl */
    /* Far below what libcurl would announce first (Expect), or send apart from the head. */
    MOST_BODY = 16 << 10
};

/* Of this thread, the innermost. */
static _Thread_local struct curl_at_hand *handing_out;

/* ---- the pattern of requests ------------------------------------------------------------------
 */

/* False: the program says itself how long the body is. */
static bool digest_list(const struct curl_handle *handle, enum curl_option_id id, uint64_t *digest)
{
    static const char length[] = "Content-Length";
    static const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    const struct curl_slist *list = curl_options_pointer(&handle->options, id);
    for (; list; list = list->next) {
        bool may_be = (list->data[0] | 0x20) == 'c';
        if (may_be && strncasecmp(list->data, length, sizeof(length) - 1) == 0)
            return false;
        *digest = (*digest + key_checksum(list->data, strlen(list->data))) * spread;
    }
    *digest = (*digest + 1) * spread;
    return true;
}

/*
 * Of what libcurl reads anew for each transfer: lists, which the program may change in place, and
 * its environment. The files that trust follows from it reads when it connects, and not for a
 * transfer over a connection that there is.
 */
static bool digest_lists(const struct curl_handle *handle, uint64_t *digest)
{
    *digest = curl_trust_environment();
    return digest_list(handle, CURL_OPTION_HTTPHEADER, digest) &&
           digest_list(handle, CURL_OPTION_CONNECT_TO, digest);
}

void curl_at_hand_begin(struct curl_handle *handle)
{
    curl_at_hand_forget(handle);
    handle->passed = (struct curl_passed){0};
    if (!curl_plain_holds(&handle->plain))
        return;
    if (!handle->at_hand)
        handle->at_hand = calloc(1, sizeof(*handle->at_hand));
    if (!handle->at_hand)
        return;
    struct curl_pattern *pattern = &handle->at_hand->pattern;
    bool may_be_good = digest_lists(handle, &pattern->lists);
    pattern->changes = may_be_good ? handle->plain.changes : UINT64_MAX;
}

/* The fifth word of a cookie's line says when it ends (https://curl.se/docs/http-cookies.html). */
static bool has_expiring_cookie(const struct curl_handle *handle)
{
    enum { EXPIRES = 4 };
    struct curl_slist *cookies = NULL;
    bool is_found = false;
    if (!handle->options.has_cookies)
        return false;
    if (handle->curl->curl_easy_getinfo(handle->easy, CURLINFO_COOKIELIST, &cookies))
        return true;
    for (const struct curl_slist *cookie = cookies; cookie; cookie = cookie->next) {
        const char *word = cookie->data;
        for (int i = 0; word && i < EXPIRES; i++) {
            word = strchr(word, '\t');
            word += word != NULL;
        }
        is_found |= !word || strtoll(word, NULL, 10) != 0;
    }
    handle->curl->curl_slist_free_all(cookies);
    return is_found;
}

static long number(const struct curl_handle *handle, CURLINFO info)
{
    long value = -1;
    handle->curl->curl_easy_getinfo(handle->easy, info, &value);
    return value;
}

static curl_off_t offset(const struct curl_handle *handle, CURLINFO info)
{
    curl_off_t value = -1;
    handle->curl->curl_easy_getinfo(handle->easy, info, &value);
    return value;
}

/* Whether libcurl has said of that transfer what would be said here. */
static bool adds_up(const struct curl_handle *handle, struct curl_pattern *pattern)
{
    enum { OK = 200 };
    static const CURLINFO moments[MOMENTS] = {
        CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T,
        CURLINFO_PRETRANSFER_TIME_T, CURLINFO_STARTTRANSFER_TIME_T};
    const struct curl_passed *passed = &handle->passed;
    long request_size = number(handle, CURLINFO_REQUEST_SIZE);
    long head_size = (long)passed->head_size;
    long whole_size = head_size + (long)passed->body_size;
    for (int i = 0; i < MOMENTS; i++)
        pattern->has_moment[i] = offset(handle, moments[i]) > 0;
    pattern->body_size = passed->body_size;
    pattern->request_size = request_size + (long)handle->request_added;
    pattern->counts_body = request_size == whole_size;
    return (request_size == head_size || request_size == whole_size) &&
           number(handle, CURLINFO_RESPONSE_CODE) == OK &&
           number(handle, CURLINFO_NUM_CONNECTS) == 0 &&
           number(handle, CURLINFO_REDIRECT_COUNT) == 0 &&
           number(handle, CURLINFO_HEADER_SIZE) == (long)passed->response_size &&
           offset(handle, CURLINFO_SIZE_UPLOAD_T) == (curl_off_t)passed->body_size &&
           offset(handle, CURLINFO_CONTENT_LENGTH_UPLOAD_T) == (curl_off_t)passed->body_size &&
           offset(handle, CURLINFO_SIZE_DOWNLOAD_T) ==
               offset(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T) &&
           offset(handle, CURLINFO_TOTAL_TIME_T) > 0;
}

void curl_at_hand_learn(struct curl_handle *handle)
{
    const struct curl_passed *passed = &handle->passed;
    const char *text = curl_options_pointer(&handle->options, CURL_OPTION_ERRORBUFFER);
    uint64_t lists;
    if (!handle->at_hand)
        return;
    struct curl_pattern *pattern = &handle->at_hand->pattern;
    pattern->link = passed->link;
    /* In a multi it went over a connection of that one's. */
    pattern->is_good = !handle->multi && curl_plain_holds(&handle->plain) &&
                       pattern->changes == handle->plain.changes && passed->link &&
                       passed->requests == 1 && passed->plain_responses == 1 &&
                       /* Once libcurl has written an error, only a transfer of its own makes it
                        * write another. */
                       !(text && *text) && passed->body_size > 0 &&
                       passed->body_size <= MOST_BODY && digest_lists(handle, &lists) &&
                       lists == pattern->lists && adds_up(handle, pattern) &&
                       !has_expiring_cookie(handle);
}

void curl_at_hand_forget(struct curl_handle *handle)
{
    if (!handle->at_hand)
        return;
    handle->at_hand->pattern.is_good = false;
    handle->at_hand->is_last = false;
}

static void stop_handing_out(struct curl_at_hand *at_hand)
{
    struct curl_at_hand **at = &handing_out;
    while (*at && *at != at_hand)
        at = &(*at)->outer;
    if (*at)
        *at = at_hand->outer;
    at_hand->is_under_way = false;
}

void curl_at_hand_free(struct curl_handle *handle)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    if (!at_hand)
        return;
    stop_handing_out(at_hand);
    buffer_free(&at_hand->head);
    buffer_free(&at_hand->type);
    buffer_free(&at_hand->fields);
    buffer_wipe(&at_hand->rest);
    buffer_free(&at_hand->rest);
    free(at_hand);
    handle->at_hand = NULL;
}

void curl_at_hand_before_fork(void)
{
    for (const struct curl_at_hand *at = handing_out; at; at = at->outer)
        exchange_detach(at->exchange);
}

/* ---- asking -----------------------------------------------------------------------------------
 */

/* Whether libcurl would write the head that the pattern is of. */
static bool is_as_before(const struct curl_handle *handle)
{
    const struct curl_pattern *pattern = &handle->at_hand->pattern;
    uint64_t lists;
    return pattern->changes == handle->plain.changes && curl_plain_holds(&handle->plain) &&
           digest_lists(handle, &lists) && lists == pattern->lists;
}

/* The exchange that has the answer, or NULL. */
static struct exchange *ask(struct curl_handle *handle, struct span body)
{
    if (!body.data || body.size == 0 || body.size > MOST_BODY || !is_as_before(handle))
        return NULL;
    struct exchange *exchange = curl_link_at_rest(handle, handle->at_hand->pattern.link);
    return exchange && exchange_ask_again(exchange, body) ? exchange : NULL;
}

static long digits(size_t size)
{
    long count = 1;
    while (size >= 10) {
        size /= 10;
        count++;
    }
    return count;
}

/* Of the answer and the request that it is for. False: libcurl is to hand it out. */
static bool read_answer(struct curl_at_hand *at_hand, struct span asked)
{
    const struct curl_pattern *pattern = &at_hand->pattern;
    struct span head = {0}, body = {0};
    at_hand->lines = at_hand->shown = at_hand->got = 0;
    at_hand->pause = 0;
    at_hand->ended_us = 0;
    at_hand->upload = asked.size;
    long more = pattern->counts_body ? (long)asked.size - (long)pattern->body_size : 0;
    at_hand->request_size =
        pattern->request_size + more + digits(asked.size) - digits(pattern->body_size);
    buffer_clear(&at_hand->head);
    buffer_clear(&at_hand->type);
    buffer_clear(&at_hand->fields);
    bool is_read = exchange_answer_parts(at_hand->exchange, &head, &body) &&
                   buffer_append_span(&at_hand->head, head) &&
                   buffer_append_text(&at_hand->head, "\r\n") &&
                   curl_response_read(buffer_span(&at_hand->head), &at_hand->response) &&
                   at_hand->response.length == body.size;
    const struct span *type = &at_hand->response.type;
    if (is_read && type->data)
        is_read = buffer_append_span(&at_hand->type, *type) && buffer_append(&at_hand->type, "", 1);
    at_hand->head.failed = at_hand->type.failed = false;
    return is_read;
}

/* ---- handing out ------------------------------------------------------------------------------
 */

/* libcurl's own, where the program has set no function. */
static size_t write_to_file(char *bytes, size_t one, size_t size, void *file)
{
    return fwrite(bytes, one, size, file);
}

static curl_write_callback function_of(const struct curl_options *options, enum curl_option_id id)
{
    curl_write_callback function = NULL;
    const void *set = curl_options_pointer(options, id);
    memcpy(&function, &set, sizeof(function));
    return function;
}

struct curl_taker curl_taker_of_body(const struct curl_options *options)
{
    curl_write_callback function = function_of(options, CURL_OPTION_WRITEFUNCTION);
    void *data = curl_options_has(options, CURL_OPTION_WRITEDATA)
                     ? (void *)curl_options_pointer(options, CURL_OPTION_WRITEDATA)
                     : stdout;
    return (struct curl_taker){function ? function : write_to_file, data};
}

struct curl_taker curl_taker_of_headers(const struct curl_options *options)
{
    curl_write_callback function = function_of(options, CURL_OPTION_HEADERFUNCTION);
    void *data = (void *)curl_options_pointer(options, CURL_OPTION_HEADERDATA);
    if (!function && data)
        function = curl_taker_of_body(options).function;
    return (struct curl_taker){function, data};
}

/* What it is given ends with a NUL in libcurl, too, and there are programs that rely on that. */
static bool give(struct curl_at_hand *at_hand, struct curl_taker taker, char *piece, size_t size,
                 struct curl_refusal *refusal)
{
    piece[size] = '\0';
    refusal->size = size;
    refusal->returned = taker.function ? taker.function(piece, 1, size, taker.data) : size;
    refusal->pause = at_hand->pause;
    return refusal->returned == size && refusal->pause == 0;
}

static bool give_head(struct curl_handle *handle, char *piece, struct curl_refusal *refusal)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    refusal->is_of_header = true;
    while (at_hand->shown < at_hand->head.size) {
        const uint8_t *line = at_hand->head.data + at_hand->shown;
        const uint8_t *end = memchr(line, '\n', at_hand->head.size - at_hand->shown);
        size_t size = (size_t)(end + 1 - line);
        memcpy(piece, line, size);
        bool is_taken =
            give(at_hand, curl_taker_of_headers(&handle->options), piece, size, refusal);
        at_hand->lines++;
        at_hand->shown += size;
        if (!is_taken)
            return false;
    }
    return true;
}

static bool give_body(struct curl_handle *handle, char *piece, struct curl_refusal *refusal)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    struct span head, body;
    long room = curl_options_number(&handle->options, CURL_OPTION_BUFFERSIZE, PIECE);
    size_t most = room < LEAST_PIECE ? LEAST_PIECE : room < PIECE ? (size_t)room : PIECE;
    refusal->is_of_header = false;
    while (at_hand->got < at_hand->response.length) {
        /* A fork in a callback may have moved it. */
        if (!exchange_answer_parts(at_hand->exchange, &head, &body))
            return false;
        size_t left = body.size - at_hand->got;
        size_t size = left < most ? left : most;
        memcpy(piece, body.data + at_hand->got, size);
        at_hand->got += size;
        if (!give(at_hand, curl_taker_of_body(&handle->options), piece, size, refusal))
            return false;
    }
    return true;
}

static bool hand_out(struct curl_handle *handle, struct curl_refusal *refusal)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    _Alignas(LINE) char piece[PIECE + 1];
    at_hand->outer = handing_out;
    handing_out = at_hand;
    handle->is_waiting = at_hand->is_under_way = at_hand->is_last = true;
    bool is_taken = give_head(handle, piece, refusal) && give_body(handle, piece, refusal);
    if (!exchange_answer_is_stored(at_hand->exchange))
        explicit_bzero(piece, sizeof(piece));
    stop_handing_out(at_hand);
    handle->is_waiting = false;
    return is_taken;
}

bool curl_at_hand_perform(struct curl_handle *handle, CURLcode *code)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    if (!at_hand || !at_hand->pattern.is_good)
        return false;
    uint64_t begun_us = clock_microseconds();
    struct span body = curl_options_body(&handle->options);
    struct exchange *exchange = ask(handle, body);
    if (!exchange)
        return false;
    struct curl_refusal refusal = {0};
    char *text = (char *)curl_options_pointer(&handle->options, CURL_OPTION_ERRORBUFFER);
    if (text)
        *text = '\0';
    curl_transfer_forget(handle);
    at_hand->exchange = exchange;
    at_hand->begun_us = begun_us;
    at_hand->answered_us = clock_microseconds();
    if (read_answer(at_hand, body) && hand_out(handle, &refusal)) {
        at_hand->ended_us = clock_microseconds();
        exchange_answer_drop(exchange);
        *code = CURLE_OK;
    } else {
        *code = curl_at_hand_resume(handle, &refusal);
    }
    return true;
}
