/* Keeping: the response is whole, or broke off. What becomes of it? */
#include "exchange/state.h"

#include "base/clock.h"

#include <string.h>
#include <unistd.h>

/* ---- what is kept ------------------------------------------------------------------------------
 */

struct span keep_cookie_of(const struct http_message *response)
{
    struct span name, value;
    for (size_t i = 0; http_field_at(response, i, &name, &value); i++) {
        struct span token = cookie_token(value);
        if (token.size && span_equal_ignoring_case(name, SPAN_OF("Set-Cookie")))
            return token;
    }
    return (struct span){0};
}

static enum verdict verdict_of(enum cache_status status, enum verdict when_kept)
{
    switch (status) {
    case CACHE_OK:
        return when_kept;
    case CACHE_BUSY:
        return VERDICT_NOT_BUSY;
    case CACHE_FULL:
        return VERDICT_NOT_ROOM;
    default:
        return VERDICT_NOT_AVAILABLE;
    }
}

static enum verdict keep_login(struct exchange *x, struct span head, struct span body)
{
    struct session *session;
    struct buffer key = {0};
    struct session_opened opened = {
        .is_told = true, .cookie = keep_cookie_of(x->response), .head = head, .body = body};
    enum verdict verdict = VERDICT_NOT_READABLE;
    bool is_lent = false;
    if (opened.cookie.size && soap_find_child(body, "key", &key) && key.size) {
        opened.key = buffer_span(&key);
        enum cache_status status =
            session_store(cache_of(x), x->asked.session, x->context->config.session_idle_ms,
                          &opened, &session, &is_lent);
        verdict = verdict_of(status, is_lent ? VERDICT_SESSION_STORED : VERDICT_NOT_FIRST);
    }
    buffer_wipe(&key);
    buffer_free(&key);
    return verdict;
}

static enum verdict keep_bound(struct exchange *x, const struct soap_response *soap,
                               struct span head, struct span body)
{
    bool is_view = x->asked.keep == KEEP_VIEW;
    /* currentSession of somebody who is not logged in has no value: nothing to lend. */
    if (is_view ? soap->returnval.size == 0 : !session_is_spoken_of(x->asked.actual, body))
        return VERDICT_NOT_EMPTY;
    enum cache_status status =
        session_bound_put(cache_of(x), x->asked.actual, &x->asked.key, head, body);
    if (is_view)
        lend_view(x, buffer_span(&soap->returnval), false);
    return verdict_of(status, VERDICT_VIEW_STORED);
}

/* References of session-scoped objects hold the session's key: session[52a…]52b… */
static bool speaks_of_a_session(struct span body)
{
    return span_contains(body, SPAN_OF("session["));
}

enum verdict keep_stored(struct exchange *x, struct span head, struct span body)
{
    struct buffer sealed = {0};
    enum cache_status status = CACHE_UNAVAILABLE;
    struct session *session = x->asked.actual;
    /* A machine's description may have the password of its console in it. */
    bool is_secret = asked_is_file(x);
    x->asked.label.is_sealed = session && (is_secret || session_is_spoken_of(session, body));
    if (!x->asked.label.is_sealed) {
        if (!session && (is_secret || speaks_of_a_session(body)))
            return VERDICT_NOT_COOKIE;
        status = store_put(cache_of(x), &x->asked.key, &x->asked.label, head, body);
    } else if (session_seal(session, &x->asked.key, head, body, &sealed)) {
        status = store_put(cache_of(x), &x->asked.key, &x->asked.label, (struct span){0},
                           buffer_span(&sealed));
    }
    buffer_free(&sealed);
    return verdict_of(status, VERDICT_STORED);
}

/* A response that may be kept by its status and head; `body` is its identity form. */
static enum verdict keep_body(struct exchange *x, struct span body)
{
    struct soap_response soap = {0};
    struct buffer head = {0};
    enum verdict verdict = VERDICT_NOT_READABLE;
    bool is_soap = x->soap.is_understood;
    bool is_readable =
        !is_soap || (soap_read_response(body, &soap) && soap.is_understood && !soap.is_fault);
    struct fence_state fence = fence_read(cache_of(x), &x->endpoint);
    bool is_page = x->asked.keep == KEEP_PAGE;
    bool is_response = is_page || x->asked.keep == KEEP_RESPONSE;
    bool is_paged = is_page || strcmp(x->asked.name, "RetrievePropertiesEx") == 0;
    if (!is_readable)
        verdict = VERDICT_NOT_READABLE;
    else if (is_response && soap.is_empty && is_paged)
        verdict = VERDICT_NOT_EMPTY; /* a program may take it for the end of its session */
    else if (is_response && span_contains(body, SPAN_OF("NotAuthenticated")))
        verdict =
            VERDICT_NOT_SESSION; /* a property read tells it in a missingSet, with status 200 */
    else if (is_response && (fence.is_fenced || fence.generation != x->asked.label.generation))
        verdict = VERDICT_NOT_FRESH;
    else if (is_page || (is_response && soap.has_token))
        verdict = is_paged ? page_keep(x, &soap, body) : VERDICT_NOT_TOKEN;
    else if (!compose_head(x->response, SPAN_OF("HTTP/1.1 200 OK"), body.size, &head))
        verdict = VERDICT_NOT_ROOM;
    else if (x->asked.keep == KEEP_LOGIN)
        verdict = keep_login(x, buffer_span(&head), body);
    else if (is_response)
        verdict = keep_stored(x, buffer_span(&head), body);
    else
        verdict = keep_bound(x, &soap, buffer_span(&head), body);
    buffer_wipe(&head);
    buffer_free(&head);
    soap_response_free(&soap);
    return verdict;
}

static enum verdict keep(struct exchange *x, bool is_whole)
{
    if (!is_whole)
        return VERDICT_NOT_WHOLE;
    if (http_status(x->response) != 200)
        return VERDICT_NOT_STATUS;
    if (x->asked.keep != KEEP_LOGIN && http_field(x->response, "Set-Cookie").data)
        return VERDICT_NOT_COOKIE;
    if (!http_body_is_kept(x->response))
        return VERDICT_NOT_SIZE;
    struct span body;
    return exchange_response_body(x, &body) && body.size <= store_size_limit(cache_of(x))
               ? keep_body(x, body)
               : VERDICT_NOT_READABLE;
}

/* ---- what else a response tells ------------------------------------------------------------- */

/* The origin has ended the session: it is lent to nobody any more. (Of who had logged out here it
 * was not shown the session's cookie: its refusal says nothing.) */
static void look_for_ended_session(struct exchange *x)
{
    struct span body;
    if (!x->asked.session || x->asked.verdict == VERDICT_LOGGED_OUT ||
        !session_is_shared(x->asked.actual))
        return;
    bool is_refused = asked_is_file(x)
                          ? http_status(x->response) == 401
                          : http_status(x->response) == 500 && exchange_response_body(x, &body) &&
                                soap_is_fault(body, "NotAuthenticated");
    if (is_refused) {
        session_withdraw(cache_of(x), x->asked.actual);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
}

/* The write's response is in: its own fence ends. If it started a task, that one's fence begins; of
 * a write whose response broke off nobody knows whether it goes on. Of one that reached nobody
 * there is neither. */
static void end_write(struct exchange *x, bool is_whole)
{
    struct soap_response soap = {0};
    struct span body;
    uint64_t bound_ms = x->context->config.fence_ms;
    if (is_whole && exchange_response_body(x, &body))
        soap_read_response(body, &soap);
    /* By the type of what it returns, for an operation that nobody knows may start one, too. */
    if (strcmp(soap.returnval_type, "Task") == 0 && soap.returnval.size > 0)
        fence_hold_task(cache_of(x), &x->endpoint, buffer_span(&soap.returnval), bound_ms);
    else if (!is_whole || (x->asked.is_task && !soap.is_fault))
        fence_hold(cache_of(x), &x->endpoint, bound_ms);
    fence_lower(cache_of(x), x->asked.raised);
    soap_response_free(&soap);
}

static void end_task(struct span task, void *closure)
{
    const struct exchange *x = closure;
    fence_end_task(cache_of(x), &x->endpoint, task);
}

/* What shows that a task has ended ends its fence, before the program sees it. */
static void look_for_ended_tasks(struct exchange *x)
{
    struct span body;
    /* A property read that may show a task is live. */
    bool may_show = x->asked.operation && http_status(x->response) == 200 &&
                    (x->soap.is_live || x->asked.operation->class == OPERATION_WAITING);
    bool is_fetch = strcmp(x->asked.name, "Fetch") == 0;
    if (may_show && exchange_response_body(x, &body))
        soap_visit_ended_tasks(body, is_fetch ? buffer_span(&x->soap.self) : (struct span){0},
                               end_task, x);
}

/* A ServiceContent says which origin this is, by whatever name the program calls it. */
static void look_for_origin(struct exchange *x)
{
    struct span body;
    struct buffer uuid = {0};
    if (strcmp(x->asked.name, "RetrieveServiceContent") == 0 && x->endpoint.name[0] &&
        http_status(x->response) == 200 && exchange_response_body(x, &body) &&
        soap_read_origin(body, &uuid))
        fence_learn(cache_of(x), &x->endpoint, buffer_span(&uuid));
    buffer_free(&uuid);
}

/* Something that only the program knows, and the origin has made or ended: a filter, a collector, a
 * lease; or a view that can be made again. */
static void note_kept_thing(struct exchange *x, const struct soap_response *soap)
{
    bool ends = strncmp(x->asked.name, "Destroy", 7) == 0 ||
                strcmp(x->asked.name, "HttpNfcLeaseComplete") == 0 ||
                strcmp(x->asked.name, "HttpNfcLeaseAbort") == 0;
    if (asked_class(x) == OPERATION_DESTROY_VIEW)
        lend_no_view(x);
    else if (asked_class(x) == OPERATION_VIEW)
        lend_view(x, buffer_span(&soap->returnval), true);
    else if (ends || soap->returnval_type[0])
        session_keep_thing(x->asked.actual, !ends);
}

/* What the program makes and ends in its session, and others are not lent. */
static void look_for_kept_things(struct exchange *x)
{
    struct soap_response soap = {0};
    struct span body;
    enum operation_class class = asked_class(x);
    bool is_view = class == OPERATION_VIEW || class == OPERATION_DESTROY_VIEW;
    bool is_in_session = x->asked.operation && x->asked.operation->is_in_session;
    if (!x->asked.session || (is_view ? x->asked.keep == KEEP_VIEW : !is_in_session) ||
        http_status(x->response) != 200)
        return;
    if (exchange_response_body(x, &body) && soap_read_response(body, &soap))
        note_kept_thing(x, &soap);
    soap_response_free(&soap);
}

/* The origin has ended what the program logged out of; or it had before, and says so. */
static void look_for_logout(struct exchange *x)
{
    if (x->asked.resigns && (http_status(x->response) == 200 || http_status(x->response) == 500))
        session_resign(x->asked.session);
}

/* Whether a later program may be answered without the origin after this response. */
static bool serves_later(const struct exchange *x, enum verdict verdict)
{
    return verdict == VERDICT_STORED || verdict == VERDICT_SESSION_STORED ||
           verdict == VERDICT_VIEW_STORED || verdict == VERDICT_RECORDED ||
           (x->asked.actual && session_is_shared(x->asked.actual));
}

void keep_response(struct exchange *x, bool is_whole)
{
    uint64_t origin_us = clock_microseconds() - x->asked.begun_us;
    if (x->asked.process != getpid()) {
        recording_free(x->asked.recording);
        return;
    }
    if (x->asked.is_write && !x->asked.awaits_reach)
        end_write(x, is_whole);
    if (is_whole) {
        report_time(x, origin_us);
        look_for_ended_session(x);
        look_for_ended_tasks(x);
        look_for_kept_things(x);
        look_for_origin(x);
        look_for_logout(x);
    }
    enum verdict verdict = VERDICT_COUNT;
    if (x->asked.keep != KEEP_NOTHING) {
        x->asked.label.origin_us = origin_us;
        verdict = keep(x, is_whole);
        report_kept(x, verdict, http_body(x->response).size, origin_us);
    }
    if (x->front->heard && is_whole && serves_later(x, verdict))
        x->front->heard(x->connection, &x->endpoint);
    recording_free(x->asked.recording);
    claim_release(cache_of(x), &x->asked.claim);
}
