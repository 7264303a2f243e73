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
        x->errand.claim = CLAIM_NONE;
        x->request = http_new(HTTP_REQUEST, HEAD_LIMIT, EXCHANGE_REQUEST_LIMIT);
        x->response = http_new(HTTP_RESPONSE, HEAD_LIMIT, store_size_limit(context->cache));
        if (front->asks_again)
            x->last = http_new(HTTP_REQUEST, HEAD_LIMIT, EXCHANGE_REQUEST_LIMIT);
        if (!x->request || !x->response) {
            exchange_free(x);
            x = NULL;
        }
    }
    errno = saved;
    return x;
}

/* ---- bodies ------------------------------------------------------------------------------------
 */

bool exchange_request_body(const struct exchange *x, struct span *body)
{
    return http_identity_body(x->request, EXCHANGE_REQUEST_LIMIT, body);
}

/* One that is too large to be stored may still tell that a task has ended. */
bool exchange_response_body(const struct exchange *x, struct span *body)
{
    size_t limit = store_size_limit(cache_of(x));
    if (limit < EXCHANGE_REQUEST_LIMIT)
        limit = EXCHANGE_REQUEST_LIMIT;
    return http_identity_body(x->response, limit, body);
}

/* ---- ends -------------------------------------------------------------------------------------
 */

static void forget_asked(struct exchange *x)
{
    soap_request_free(&x->soap);
    x->asked = (struct asked){.claim = CLAIM_NONE};
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

/* What was kept for exchange_repeat; bytes that are still to be sent stay. */
static void drop_sent(struct exchange *x)
{
    if (x->held.size > 0 && x->sent == x->held.size)
        drop_held(x);
}

/* Whether exchange_ask_again can ask that again: not a login, nor what is no question to this
 * cache, nor the last of its connection. */
static bool is_to_be_kept(const struct exchange *x)
{
    const struct http_message *request = x->request;
    return x->last && !x->holds_secret && http_state_of(request) == HTTP_DONE &&
           http_body_is_kept(request) && asked_is_ours(x) && http_is_1_1(request) &&
           http_keeps_alive(request);
}

static void swap_requests(struct exchange *x)
{
    struct http_message *request = x->request;
    x->request = x->last;
    x->last = request;
}

/* Ready for the next request. */
static void end_request(struct exchange *x)
{
    x->has_last = is_to_be_kept(x);
    if (x->has_last)
        swap_requests(x);
    http_restart(x->request, x->holds_secret);
}

void exchange_end(struct exchange *x, bool is_whole)
{
    bool was_streaming = x->phase == PHASE_STREAMING;
    drop_sent(x);
    keep_response(x, is_whole);
    errand_end(x);
    forget_asked(x);
    end_request(x);
    http_restart(x->response, false);
    x->has_answered_interim = false;
    /* Answered before the request was whole: where the next one begins cannot be told. */
    x->phase = was_streaming ? PHASE_BLIND : PHASE_IDLE;
}

static bool is_under_way(const struct exchange *x)
{
    return x->phase == PHASE_AWAITING || x->phase == PHASE_STREAMING || x->phase == PHASE_ERRAND;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    int saved = errno;
    if (is_under_way(x))
        exchange_end(x, false);
    forget_asked(x);
    answer_free(&x->answer);
    buffer_wipe(&x->held);
    buffer_free(&x->held);
    buffer_free(&x->early);
    buffer_free(&x->late);
    buffer_wipe(&x->cookie);
    buffer_free(&x->cookie);
    http_free(x->request);
    http_free(x->last);
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

/* Whole, and the origin is the same after it: of an unknown operation nobody knows that. */
static bool is_repeatable(const struct exchange *x)
{
    const struct operation *operation = x->asked.operation;
    return x->phase == PHASE_AWAITING && !x->asked.has_begun && !x->asked.is_write && operation &&
           (operation->class == OPERATION_READ || operation->class == OPERATION_PROPERTY_READ ||
            operation->class == OPERATION_LIVE);
}

void exchange_sent(struct exchange *x, size_t size)
{
    x->sent += size;
    if (x->sent == x->held.size)
        x->is_due = false;
    if (!is_repeatable(x))
        drop_sent(x);
}

void exchange_reached(struct exchange *x)
{
    int saved = errno;
    if (x->asked.awaits_reach)
        decide_raise_fence(x);
    errno = saved;
}

bool exchange_repeat(struct exchange *x)
{
    if (!is_repeatable(x) || x->held.size == 0)
        return false;
    x->sent = 0;
    return true;
}

/* Whether a login anew makes up for a session that the origin has ended. */
static bool is_healable(const struct exchange *x)
{
    return session_is_remakable(x->asked.actual) && x->asked.verdict != VERDICT_NOT_SOAP &&
           asked_class(x) != OPERATION_LOGOUT && session_login(x->asked.session, &x->trust);
}

/* Under the names that the origin knows, and after what must be asked first. */
static void prepare_forward(struct exchange *x)
{
    struct session *session = x->asked.session;
    bool is_whole = x->phase == PHASE_AWAITING && http_body_is_kept(x->request);
    if (!session || session_is_logged_out(session))
        return;
    session_touch(cache_of(x), x->asked.actual);
    x->asked.is_healable = is_whole && is_healable(x);
    if (is_whole && errand_is_due(x))
        x->phase = errand_next(x);
    else if (x->asked.actual != session)
        compose_held_head(x);
}

/* From here to the response's end, or while the rest of the request passes. */
static enum exchange_verdict start_forward(struct exchange *x, enum exchange_phase phase)
{
    report_forward(x);
    x->asked.begun_us = clock_microseconds();
    x->asked.process = getpid();
    x->phase = phase;
    http_set_request_was_head(x->response, span_equal(http_method(x->request), SPAN_OF("HEAD")));
    prepare_forward(x);
    x->hold = hold_of(x);
    if (x->holds_secret && x->errand.aim == ERRAND_NONE)
        http_restart(x->request, true);
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

void exchange_go_blind(struct exchange *x, enum verdict verdict)
{
    if (is_under_way(x))
        exchange_end(x, false);
    forget_asked(x);
    x->asked.begun_us = clock_microseconds();
    x->asked.verdict = verdict;
    report_forward(x);
    x->phase = PHASE_BLIND;
    forward_blindly(x);
}

static enum exchange_verdict go_blind(struct exchange *x, enum verdict verdict)
{
    exchange_go_blind(x, verdict);
    return EXCHANGE_FORWARD;
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
    end_request(x);
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
    asked_session(x);
    return start_forward(x, is_whole ? PHASE_AWAITING : PHASE_STREAMING);
}

/* A file of a datastore is written or removed: a machine's description may be it. */
static enum exchange_verdict feed_file(struct exchange *x)
{
    bool is_whole = http_state_of(x->request) == HTTP_DONE;
    x->has_seen_request = true;
    decide_unseen(x, VERDICT_WRITE);
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
    if (!asked_is_ours(x) && !asked_changes_file(x) && !x->has_seen_request)
        return EXCHANGE_PASS;
    if (state == HTTP_DONE && used < size)
        return go_blind(x, VERDICT_PIPELINED);
    if (asked_changes_file(x))
        return feed_file(x);
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
    case PHASE_ERRAND:
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
    bool waits = x->phase == PHASE_ERRAND;
    *is_lost = !buffer_append(waits ? &x->late : &x->held, bytes, size);
    if (waits) {
        verdict = EXCHANGE_MORE;
    } else if (*is_lost) {
        x->held.failed = false;
        forward_blindly(x);
        verdict = EXCHANGE_PASS;
    } else {
        verdict = feed_request(x, bytes, size);
    }
    errno = saved;
    return verdict;
}

bool exchange_ask_again(struct exchange *x, struct span body)
{
    int saved = errno;
    bool is_between = x->phase == PHASE_IDLE && x->held.size == 0 && x->answer.size == 0;
    if (!is_between || !x->has_last)
        return false;
    swap_requests(x);
    x->is_again = true;
    bool is_answered = http_replace_body(x->request, body) && decide(x) == EXCHANGE_ANSWER;
    x->is_again = false;
    forget_asked(x);
    if (x->holds_secret)
        http_restart(x->request, true);
    x->has_last = !x->holds_secret;
    x->holds_secret = false;
    swap_requests(x);
    errno = saved;
    return is_answered;
}

/* ---- what the origin sends ---------------------------------------------------------------------
 */

static void feed_response(struct exchange *x, const void *bytes, size_t size)
{
    http_feed(x->response, bytes, size);
    if (http_state_of(x->response) == HTTP_DONE)
        exchange_end(x, true);
    else if (http_state_of(x->response) == HTTP_BROKEN)
        go_blind(x, VERDICT_UNREADABLE);
}

size_t exchange_feed_response(struct exchange *x, void *bytes, size_t size)
{
    int saved = errno;
    bool is_held = exchange_holds_back(x);
    if (is_under_way(x))
        drop_sent(x);
    x->asked.has_begun = x->phase == PHASE_AWAITING;
    if (is_held)
        hold_feed(x, bytes, size);
    else if (is_under_way(x))
        feed_response(x, bytes, size);
    errno = saved;
    return is_held ? 0 : size;
}

bool exchange_holds_back(const struct exchange *x)
{
    return is_under_way(x) && (x->phase == PHASE_ERRAND || x->hold != HOLD_NOTHING);
}

bool exchange_is_due(const struct exchange *x)
{
    return x->is_due;
}

bool exchange_needs_connection(const struct exchange *x)
{
    return x->is_due && x->needs_connection;
}

void exchange_reconnected(struct exchange *x)
{
    x->needs_connection = false;
    if (x->phase != PHASE_ERRAND)
        buffer_clear(&x->early);
}

void exchange_feed_end(struct exchange *x, bool is_clean)
{
    int saved = errno;
    if (exchange_holds_back(x)) {
        hold_feed_end(x, is_clean);
    } else if (is_under_way(x)) {
        if (is_clean)
            http_feed_end(x->response);
        exchange_end(x, is_clean && http_state_of(x->response) == HTTP_DONE);
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

bool exchange_answer_parts(const struct exchange *x, struct span *head, struct span *body)
{
    return answer_parts(&x->answer, head, body);
}

bool exchange_answer_is_stored(const struct exchange *x)
{
    return x->answer.lent.hold != NULL;
}

void exchange_answer_drop(struct exchange *x)
{
    x->is_at_end = x->answer.closes;
    answer_end(&x->answer);
}

bool exchange_is_at_end(const struct exchange *x)
{
    return x->is_at_end && x->answer.size == 0;
}

const struct endpoint *exchange_endpoint(const struct exchange *x)
{
    return &x->endpoint;
}

unsigned exchange_port(const struct exchange *x)
{
    const char *colon = strrchr(x->endpoint.name, ':');
    return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

void exchange_detach(struct exchange *x)
{
    int saved = errno;
    answer_detach(&x->answer);
    errno = saved;
}
