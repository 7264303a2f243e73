/*
 * Exchanges: the bytes of one connection, and in which state it is. What is asked is decided in
 * decide.c, what becomes of a response in keep.c.
 */
#include "exchange/state.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Heads longer than this are nobody's that we know; vCenter itself refuses them. */
enum { HEAD_LIMIT = 64 << 10 };

enum exchange_recognised exchange_recognise(const void *bytes, size_t size)
{
    switch (http_recognise(bytes, size)) {
    case HTTP_NO:
        return EXCHANGE_NOT_OURS;
    case HTTP_MAYBE:
        return EXCHANGE_UNDECIDED;
    case HTTP_YES:
        break;
    }
    return EXCHANGE_OURS;
}

struct exchange *exchange_new(const struct exchange_front *front, void *connection)
{
    int saved = errno;
    const struct context *context = context_get();
    struct exchange *x = context ? calloc(1, sizeof(*x)) : NULL;
    if (x) {
        *x = (struct exchange){.front = front, .connection = connection, .context = context};
        x->asked.claim = CLAIM_NONE;
        x->request = http_new(HTTP_REQUEST, HEAD_LIMIT, EXCHANGE_REQUEST_LIMIT);
        x->response = http_new(HTTP_RESPONSE, HEAD_LIMIT, store_size_limit(context->cache));
        if (!x->request || !x->response) {
            exchange_free(x);
            x = NULL;
        }
    }
    errno = saved;
    return x;
}

/* ---- ends -------------------------------------------------------------------------------------
 */

static void forget_asked(struct exchange *x)
{
    soap_request_free(&x->soap);
    x->asked = (struct asked){.claim = CLAIM_NONE};
}

/* The forwarded request's response is in, or will not come. */
static void end_exchange(struct exchange *x, bool is_whole)
{
    bool was_streaming = x->phase == PHASE_STREAMING;
    keep_response(x, is_whole);
    forget_asked(x);
    http_restart(x->response, false);
    x->has_answered_interim = false;
    /* Answered before the request was whole: where the next one begins cannot be told. */
    x->phase = was_streaming ? PHASE_BLIND : PHASE_IDLE;
}

static bool is_under_way(const struct exchange *x)
{
    return x->phase == PHASE_AWAITING || x->phase == PHASE_STREAMING;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    int saved = errno;
    if (is_under_way(x))
        end_exchange(x, false);
    forget_asked(x);
    answer_free(&x->answer);
    buffer_wipe(&x->held);
    buffer_free(&x->held);
    buffer_free(&x->early);
    buffer_wipe(&x->cookie);
    buffer_free(&x->cookie);
    http_free(x->request);
    http_free(x->response);
    free(x);
    errno = saved;
}

/* ---- what the program writes -------------------------------------------------------------------
 */

struct span exchange_held(const struct exchange *x)
{
    return (struct span){x->held.data + x->sent, x->held.size - x->sent};
}

static void drop_held(struct exchange *x)
{
    if (x->holds_secret)
        buffer_wipe(&x->held);
    else
        buffer_clear(&x->held);
    x->holds_secret = false;
    x->sent = 0;
}

void exchange_sent(struct exchange *x, size_t size)
{
    x->sent += size;
    if (x->sent >= x->held.size)
        drop_held(x);
}

/* From here to the response's end, or while the rest of the request passes. */
static enum exchange_verdict start_forward(struct exchange *x, enum exchange_phase phase)
{
    report_forward(x);
    x->asked.begun_us = clock_microseconds();
    x->asked.process = getpid();
    x->phase = phase;
    http_set_request_was_head(x->response, span_equal(http_method(x->request), SPAN_OF("HEAD")));
    if (x->asked.session)
        session_touch(x->context->cache, x->asked.session);
    if (phase == PHASE_AWAITING)
        http_restart(x->request, x->holds_secret);
    return EXCHANGE_FORWARD;
}

/* The framing of a vSphere connection is lost. Whatever is written from now on may be a write. */
static enum exchange_verdict forward_blindly(struct exchange *x)
{
    struct cache *cache = x->context->cache;
    if (x->endpoint.name[0]) {
        fence_hold(cache, &x->endpoint, x->context->config.fence_ms);
        fence_invalidate(cache, &x->endpoint);
    } else {
        fence_invalidate_all(cache);
    }
    return EXCHANGE_FORWARD;
}

static enum exchange_verdict go_blind(struct exchange *x, enum verdict verdict)
{
    if (is_under_way(x))
        end_exchange(x, false);
    forget_asked(x);
    x->asked.begun_us = clock_microseconds();
    x->asked.verdict = verdict;
    report_forward(x);
    x->phase = PHASE_BLIND;
    return forward_blindly(x);
}

/* The request is whole, and it is one that is looked at. */
static enum exchange_verdict feed_whole(struct exchange *x)
{
    x->has_seen_request = true;
    if (!http_body_is_kept(x->request)) {
        decide_unseen(x, VERDICT_REQUEST_SIZE);
        return start_forward(x, PHASE_AWAITING);
    }
    if (decide(x) == EXCHANGE_FORWARD)
        return start_forward(x, PHASE_AWAITING);
    http_restart(x->request, x->holds_secret);
    drop_held(x);
    forget_asked(x);
    x->has_answered_interim = false;
    return EXCHANGE_ANSWER;
}

/* A request that is not looked at, on a connection that also carries vSphere traffic. */
static enum exchange_verdict feed_other(struct exchange *x)
{
    bool is_whole = http_state_of(x->request) == HTTP_DONE;
    x->asked.begun_us = clock_microseconds();
    x->asked.verdict = VERDICT_NOT_SOAP;
    asked_hide_cookie(x);
    return start_forward(x, is_whole ? PHASE_AWAITING : PHASE_STREAMING);
}

/* The head is whole, the body is not. */
static enum exchange_verdict feed_body(struct exchange *x)
{
    if (!http_body_is_kept(x->request)) {
        x->has_seen_request = true;
        decide_unseen(x, VERDICT_REQUEST_SIZE);
        return start_forward(x, PHASE_STREAMING);
    }
    bool waits = http_expects_continue(x->request) && http_body(x->request).size == 0;
    if (!waits || x->has_answered_interim || x->answer.size > 0)
        return EXCHANGE_MORE;
    answer_interim(&x->answer);
    x->has_answered_interim = true;
    return EXCHANGE_ANSWER;
}

static enum exchange_verdict feed_idle(struct exchange *x, const void *bytes, size_t size)
{
    size_t used = http_feed(x->request, bytes, size);
    enum http_state state = http_state_of(x->request);
    x->is_at_end = false;
    if (state == HTTP_HEAD)
        return EXCHANGE_MORE;
    if (state == HTTP_BROKEN)
        return go_blind(x, VERDICT_UNREADABLE);
    if (!asked_is_ours(x) && !x->has_seen_request)
        return EXCHANGE_PASS;
    if (state == HTTP_DONE && used < size)
        return go_blind(x, VERDICT_PIPELINED);
    if (!asked_is_ours(x))
        return feed_other(x);
    return state == HTTP_DONE ? feed_whole(x) : feed_body(x);
}

static enum exchange_verdict feed_stream(struct exchange *x, const void *bytes, size_t size)
{
    size_t used = http_feed(x->request, bytes, size);
    enum http_state state = http_state_of(x->request);
    if (state == HTTP_BROKEN || used < size)
        return go_blind(x, VERDICT_PIPELINED);
    if (state == HTTP_DONE) {
        x->phase = PHASE_AWAITING;
        http_restart(x->request, false);
    }
    return EXCHANGE_FORWARD;
}

static enum exchange_verdict feed_request(struct exchange *x, const void *bytes, size_t size)
{
    switch (x->phase) {
    case PHASE_IDLE:
        return feed_idle(x, bytes, size);
    case PHASE_STREAMING:
        return feed_stream(x, bytes, size);
    case PHASE_AWAITING:
        return go_blind(x, VERDICT_PIPELINED);
    case PHASE_BLIND:
        break;
    }
    return forward_blindly(x);
}

enum exchange_verdict exchange_feed_request(struct exchange *x, const void *bytes, size_t size,
                                            bool *is_lost)
{
    int saved = errno;
    enum exchange_verdict verdict;
    *is_lost = !buffer_append(&x->held, bytes, size);
    if (*is_lost) {
        x->held.failed = false;
        forward_blindly(x);
        verdict = EXCHANGE_PASS;
    } else {
        verdict = feed_request(x, bytes, size);
    }
    errno = saved;
    return verdict;
}

/* ---- what the origin sends ---------------------------------------------------------------------
 */

static void feed_response(struct exchange *x, const void *bytes, size_t size)
{
    http_feed(x->response, bytes, size);
    if (http_state_of(x->response) == HTTP_DONE)
        end_exchange(x, true);
    else if (http_state_of(x->response) == HTTP_BROKEN)
        go_blind(x, VERDICT_UNREADABLE);
}

/* The program was given its 100 Continue here; the origin's is to be dropped. Its bytes are held
 * back until they are known to be that, or the beginning of the final response. */
static size_t feed_early_response(struct exchange *x, const void *bytes, size_t size)
{
    if (!buffer_append(&x->early, bytes, size)) {
        go_blind(x, VERDICT_UNREADABLE);
        return size;
    }
    http_feed(x->response, bytes, size);
    size_t interim = http_interim_size(x->response);
    if (http_state_of(x->response) == HTTP_HEAD)
        return 0;
    x->has_answered_interim = false;
    memmove(x->early.data, x->early.data + interim, x->early.size - interim);
    x->early.size -= interim;
    answer_raw(&x->answer, &x->early);
    buffer_clear(&x->early);
    feed_response(x, NULL, 0);
    return 0;
}

size_t exchange_feed_response(struct exchange *x, void *bytes, size_t size)
{
    int saved = errno;
    size_t seen = size;
    if (is_under_way(x)) {
        if (x->has_answered_interim)
            seen = feed_early_response(x, bytes, size);
        else
            feed_response(x, bytes, size);
    }
    errno = saved;
    return seen;
}

void exchange_feed_end(struct exchange *x, bool is_clean)
{
    int saved = errno;
    if (is_under_way(x)) {
        if (is_clean)
            http_feed_end(x->response);
        end_exchange(x, is_clean && http_state_of(x->response) == HTTP_DONE);
    }
    errno = saved;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

size_t exchange_answer_size(const struct exchange *x)
{
    return x->answer.size;
}

size_t exchange_answer_read(struct exchange *x, void *bytes, size_t size, bool peek)
{
    int saved = errno;
    bool closes = x->answer.closes;
    size_t read = answer_read(&x->answer, bytes, size, peek);
    if (!peek && read > 0 && x->answer.size == 0)
        x->is_at_end = closes;
    errno = saved;
    return read;
}

bool exchange_is_at_end(const struct exchange *x)
{
    return x->is_at_end && x->answer.size == 0;
}

void exchange_detach(struct exchange *x)
{
    int saved = errno;
    answer_detach(&x->answer);
    errno = saved;
}
