/* At hand, libcurl goes on in the middle: see curl_at_hand.h. */
#include "front/curl_at_hand_parts.h"
#include "front/curl_front.h"

#include "exchange/exchange.h"

#include <stdio.h>
#include <string.h>

struct span curl_at_hand_rest(const struct curl_handle *handle)
{
    const struct curl_at_hand *at_hand = handle ? handle->at_hand : NULL;
    return at_hand && at_hand->is_resumed ? buffer_span(&at_hand->rest) : (struct span){0};
}

static bool is_under_way(const struct curl_handle *handle)
{
    return handle && handle->at_hand && handle->at_hand->is_under_way;
}

/* ---- in place of the program's callbacks ---- */

/* It was given as much as it had taken before; had it asked for a pause then, that begins now. */
static void pause_again(struct curl_handle *handle)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    int pause = at_hand->refusal.pause;
    if (!pause || at_hand->lines_to_skip > 0 || at_hand->bytes_to_skip > 0)
        return;
    at_hand->refusal.pause = 0;
    handle->curl->curl_easy_pause(handle->easy, pause);
}

static size_t take_header(char *line, size_t one, size_t size, void *handle_)
{
    struct curl_handle *handle = handle_;
    struct curl_at_hand *at_hand = handle->at_hand;
    struct curl_refusal *refusal = &at_hand->refusal;
    size *= one;
    if (at_hand->lines_to_skip > 0) {
        at_hand->lines_to_skip--;
        pause_again(handle);
        return size;
    }
    if (refusal->is_open && refusal->is_of_header) {
        refusal->is_open = false;
        return refusal->returned;
    }
    struct curl_taker taker = curl_taker_of_headers(&handle->options);
    return taker.function ? taker.function(line, one, size, taker.data) : size;
}

/* What a callback said of `refusal->size` bytes, of pieces that are cut elsewhere. */
static size_t refuse_again(struct curl_refusal *refusal, size_t size)
{
    bool is_a_word = refusal->returned > refusal->size;
    if (!is_a_word && refusal->returned >= size && refusal->size > size) {
        refusal->returned -= size;
        refusal->size -= size;
        return size;
    }
    refusal->is_open = false;
    return refusal->returned;
}

static size_t take_body(char *bytes, size_t one, size_t size, void *handle_)
{
    struct curl_handle *handle = handle_;
    struct curl_at_hand *at_hand = handle->at_hand;
    size_t skipped = size * one < at_hand->bytes_to_skip ? size * one : at_hand->bytes_to_skip;
    size_t left = size * one - skipped;
    size_t taken = 0;
    if (left == 0) {
        at_hand->bytes_to_skip -= skipped;
        pause_again(handle);
        return size * one;
    }
    struct curl_taker taker = curl_taker_of_body(&handle->options);
    if (at_hand->refusal.pause) {
        at_hand->refusal.pause = 0;
        taken = CURL_WRITEFUNC_PAUSE;
    } else if (at_hand->refusal.is_open)
        taken = refuse_again(&at_hand->refusal, left);
    else
        taken = taker.function(bytes + skipped, one, left, taker.data);
    /* libcurl comes again with all of it. */
    if (taken == CURL_WRITEFUNC_PAUSE)
        return taken;
    at_hand->bytes_to_skip = 0;
    return taken > left ? taken : skipped + taken;
}

/* ---- going on ---- */

static void set_function(const struct curl_handle *handle, CURLoption option,
                         enum curl_option_id id)
{
    curl_write_callback function = NULL;
    const void *set = curl_options_pointer(&handle->options, id);
    memcpy(&function, &set, sizeof(function));
    handle->curl->curl_easy_setopt(handle->easy, option, function);
}

void curl_at_hand_step_in(struct curl_handle *handle)
{
    const struct curl *curl = handle->curl;
    if (!handle->at_hand || !handle->at_hand->is_resumed)
        return;
    curl->curl_easy_setopt(handle->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl->curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, handle);
    curl->curl_easy_setopt(handle->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl->curl_easy_setopt(handle->easy, CURLOPT_HEADERDATA, handle);
}

void curl_at_hand_step_aside(struct curl_handle *handle)
{
    const struct curl *curl = handle->curl;
    const struct curl_options *options = &handle->options;
    if (!handle->at_hand || !handle->at_hand->is_resumed)
        return;
    set_function(handle, CURLOPT_WRITEFUNCTION, CURL_OPTION_WRITEFUNCTION);
    set_function(handle, CURLOPT_HEADERFUNCTION, CURL_OPTION_HEADERFUNCTION);
    curl->curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA,
                           curl_options_has(options, CURL_OPTION_WRITEDATA)
                               ? curl_options_pointer(options, CURL_OPTION_WRITEDATA)
                               : stdout);
    curl->curl_easy_setopt(handle->easy, CURLOPT_HEADERDATA,
                           curl_options_pointer(options, CURL_OPTION_HEADERDATA));
}

bool curl_at_hand_keeps(const struct curl_handle *handle, CURLoption option)
{
    return handle->at_hand && handle->at_hand->is_resumed &&
           (option == CURLOPT_WRITEFUNCTION || option == CURLOPT_WRITEDATA ||
            option == CURLOPT_HEADERFUNCTION || option == CURLOPT_HEADERDATA);
}

bool curl_at_hand_pause(struct curl_handle *handle, int pause)
{
    if (!is_under_way(handle))
        return false;
    handle->at_hand->pause = pause & CURLPAUSE_RECV ? pause : 0;
    return true;
}

void curl_at_hand_occupy(struct curl_handle *handle)
{
    if (!is_under_way(handle) || !handle->own)
        return;
    /* Which clears it; but the transfer has begun before. */
    char *text = (char *)curl_options_pointer(&handle->options, CURL_OPTION_ERRORBUFFER);
    int first = text ? text[0] : 0;
    handle->curl->curl_multi_add_handle(handle->own, handle->easy);
    if (text)
        text[0] = (char)first;
}

void curl_at_hand_vacate(struct curl_handle *handle)
{
    if (!is_under_way(handle) || !handle->own)
        return;
    handle->curl->curl_multi_remove_handle(handle->own, handle->easy);
    curl_plain_change(&handle->plain);
}

static bool take_rest(struct curl_at_hand *at_hand)
{
    size_t size = exchange_answer_size(at_hand->exchange);
    buffer_clear(&at_hand->rest);
    if (!buffer_reserve(&at_hand->rest, size)) {
        at_hand->rest.failed = false;
        exchange_answer_drop(at_hand->exchange);
        return false;
    }
    at_hand->rest.size = exchange_answer_read(at_hand->exchange, at_hand->rest.data, size, false);
    return true;
}

CURLcode curl_at_hand_resume(struct curl_handle *handle, const struct curl_refusal *refusal)
{
    struct curl_at_hand *at_hand = handle->at_hand;
    CURLcode code = CURLE_WRITE_ERROR;
    bool took_it = refusal->pause != 0 && refusal->returned == refusal->size;
    at_hand->refusal = *refusal;
    at_hand->refusal.is_open = !took_it && refusal->size > 0;
    at_hand->lines_to_skip = at_hand->lines;
    at_hand->bytes_to_skip = at_hand->got;
    if (at_hand->refusal.is_open && refusal->is_of_header)
        at_hand->lines_to_skip--;
    else if (at_hand->refusal.is_open)
        at_hand->bytes_to_skip -= refusal->size;
    if (!take_rest(at_hand))
        return code;
    at_hand->is_resumed = true;
    curl_at_hand_step_in(handle);
    if (!curl_perform_over_link(handle, &code))
        code = CURLE_WRITE_ERROR;
    curl_at_hand_step_aside(handle);
    at_hand->is_resumed = false;
    buffer_wipe(&at_hand->rest);
    buffer_free(&at_hand->rest);
    return code;
}
