/*
 * Errands: what must be asked of the origin on our own account, over the program's connection,
 * before the program's request goes out (again).
 *
 *   ERRAND_PRIVATE ─┐
 *                   ├─ a login ─→ ERRAND_VIEW for each view that the request names ─→ the request
 *   ERRAND_HEAL ────┘
 *
 * Each sends a request and waits for its response, which the program never sees. It waits in
 * SSL_read meanwhile, or in poll for more to read. Where a response ends the connection, what comes
 * after it goes over a new one (exchange_needs_connection).
 */
#include "exchange/state.h"

#include <string.h>

/* How long one waits for another that opens a session with the same credentials. */
enum { LOGIN_WAIT_MS = 5000 };

/* So many sessions that others opened are tried before one is opened. */
enum { ADOPTIONS = 3 };

static bool is_succeeded(const struct exchange *x)
{
    return x->asked.session && !session_is_logged_out(x->asked.session) &&
           x->asked.actual != x->asked.session;
}

bool errand_is_due(const struct exchange *x)
{
    return x->errand.aim != ERRAND_NONE || is_succeeded(x);
}

void errand_end(struct exchange *x)
{
    claim_release(cache_of(x), &x->errand.claim);
    buffer_free(&x->errand.reference);
    x->errand = (struct errand){.claim = CLAIM_NONE};
}

/* ---- the next request ------------------------------------------------------------------------ */

static bool begin_login(struct exchange *x)
{
    struct buffer body = {0};
    bool is_done = session_login_body(x->errand.login, &body) &&
                   compose_own_request(x, buffer_span(&body), true);
    buffer_wipe(&body);
    buffer_free(&body);
    x->errand.is_under_way = is_done;
    return is_done;
}

/* A view that the session holds already, through another process, need not be made. */
static bool find_view(struct exchange *x)
{
    struct buffer head = {0}, body = {0};
    struct soap_response soap = {0};
    bool is_found =
        session_is_shared(x->asked.actual) &&
        session_bound_get(cache_of(x), x->asked.actual, &x->errand.key, &head, &body) == CACHE_OK &&
        soap_read_response(buffer_span(&body), &soap) && soap.returnval.size > 0;
    if (is_found)
        session_view_renew(x->asked.session, x->asked.actual, buffer_span(&x->errand.reference),
                           buffer_span(&soap.returnval), true);
    soap_response_free(&soap);
    buffer_free(&head);
    buffer_free(&body);
    return is_found;
}

/* Of many that miss the same view in one session, one makes it. */
static bool find_view_or_claim(struct exchange *x)
{
    uint64_t bound = x->front->may_wait(x->connection) ? LOGIN_WAIT_MS : 0;
    return find_view(x) ||
           (session_is_shared(x->asked.actual) &&
            claim_take(cache_of(x), &x->errand.key, bound, &x->errand.claim) != CLAIM_REFUSED &&
            find_view(x));
}

/* A view that `text` names and that is missing: true when its request is held. */
static bool begin_view(struct exchange *x, struct span text)
{
    struct buffer request = {0};
    bool is_begun = false;
    buffer_clear(&x->errand.reference);
    while (session_view_missing(x->asked.session, x->asked.actual, text, &x->errand.key,
                                &x->errand.reference, &request)) {
        if (!find_view_or_claim(x)) {
            is_begun = compose_own_request(x, buffer_span(&request), false);
            if (is_begun)
                break;
            session_view_renew(x->asked.session, x->asked.actual, buffer_span(&x->errand.reference),
                               (struct span){0}, false);
        }
        buffer_clear(&x->errand.reference);
        buffer_clear(&request);
    }
    buffer_free(&request);
    return is_begun;
}

static bool begin_next_view(struct exchange *x)
{
    struct span body = {0};
    bool is_begun = is_succeeded(x) && exchange_request_body(x, &body) && begin_view(x, body);
    if (is_begun) {
        x->errand.aim = ERRAND_VIEW;
        x->errand.is_under_way = true;
    }
    return is_begun;
}

/* There is no session of its own to be had: the program stays where it is, and others go. */
static void stay(struct exchange *x)
{
    session_make_private(cache_of(x), x->asked.actual);
    report_event(x, VERDICT_SESSION_WITHDRAWN);
}

enum exchange_phase errand_next(struct exchange *x)
{
    bool needs_login = x->errand.aim == ERRAND_PRIVATE || x->errand.aim == ERRAND_HEAL;
    if (needs_login && !x->errand.is_under_way && begin_login(x))
        return PHASE_ERRAND;
    if (x->asked.needs_own && !session_is_private(x->asked.actual))
        stay(x);
    if (begin_next_view(x))
        return PHASE_ERRAND;
    errand_end(x);
    compose_request(x);
    return PHASE_AWAITING;
}

/* ---- a session of its own -------------------------------------------------------------------- */

/* Of many threads or processes that need one, each in turn. */
static bool claim_login(struct exchange *x, struct span cookie)
{
    struct cache_key key;
    uint64_t bound = x->front->may_wait(x->connection) ? LOGIN_WAIT_MS : 0;
    return login_key(x, x->errand.login, cookie, &key) &&
           claim_take(cache_of(x), &key, bound, &x->errand.claim) != CLAIM_REFUSED;
}

void errand_begin_private(struct exchange *x)
{
    x->asked.needs_own = true;
    x->errand.aim = ERRAND_PRIVATE;
    claim_login(x, asked_cookie(x));
    struct session *actual = session_actual(x->asked.session);
    if (actual == x->asked.actual)
        return;
    /* Another thread of the program was quicker. */
    x->asked.actual = actual;
    errand_end(x);
}

/* ---- healing --------------------------------------------------------------------------------- */

/* A property read tells it object by object, with status 200. */
static bool is_refused(struct exchange *x)
{
    struct span body;
    bool is_read = x->asked.operation && x->asked.operation->class == OPERATION_PROPERTY_READ;
    if (asked_is_file(x))
        return http_status(x->response) == 401;
    if (!exchange_response_body(x, &body))
        return false;
    return http_status(x->response) == 500
               ? soap_is_fault(body, "NotAuthenticated")
               : is_read && span_contains(body, SPAN_OF("NotAuthenticated"));
}

/* Another process may have opened one already. */
static bool adopt(struct exchange *x, struct session *dead)
{
    struct session *heir;
    bool is_adopted = session_adopt(cache_of(x), x->errand.login,
                                    x->context->config.session_idle_ms, &heir) == CACHE_OK &&
                      heir != dead; /* whose record could not be removed */
    if (is_adopted)
        session_succeed(dead, heir);
    return is_adopted;
}

/* Of many whose session has ended at once, one logs in, and the others go on in its session. */
static bool adopt_or_claim(struct exchange *x, struct session *dead)
{
    return adopt(x, dead) || (claim_login(x, (struct span){0}) && adopt(x, dead));
}

bool errand_heals(struct exchange *x)
{
    struct session *dead = x->asked.actual;
    if (!x->asked.is_healable || !is_refused(x))
        return false;
    x->asked.is_healable = false;
    x->asked.ended = dead;
    if (session_is_shared(dead)) {
        session_withdraw(cache_of(x), dead);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
    x->errand.login = session_login(x->asked.session, &x->trust);
    if (!x->errand.login)
        return false;
    bool is_private = session_is_private(dead);
    x->errand.aim = is_private ? ERRAND_PRIVATE : ERRAND_HEAL;
    /* Another thread may have been quicker. But what others had opened may have ended with the
     * rest, and then one logs in oneself. */
    bool is_open = x->asked.adoptions++ < ADOPTIONS && (session_actual(x->asked.session) != dead ||
                                                        (!is_private && adopt_or_claim(x, dead)));
    if (is_open) {
        report_event(x, VERDICT_SESSION_HEALED);
        x->asked.actual = session_actual(x->asked.session);
        errand_end(x);
        x->asked.is_healable = true;
    }
    return true;
}

/* ---- what came back -------------------------------------------------------------------------- */

static bool is_opened(struct exchange *x, struct span body, struct buffer *key, struct buffer *head,
                      struct session_opened *opened)
{
    *opened = (struct session_opened){.cookie = keep_cookie_of(x->response), .body = body};
    if (http_status(x->response) != 200 || opened->cookie.size == 0 ||
        !soap_find_child(body, "key", key) || key->size == 0 ||
        !compose_head(x->response, SPAN_OF("HTTP/1.1 200 OK"), body.size, head))
        return false;
    opened->key = buffer_span(key);
    opened->head = buffer_span(head);
    return true;
}

static bool open_session(struct exchange *x, const struct session_opened *opened)
{
    struct session *fresh;
    bool is_lent;
    if (x->errand.aim == ERRAND_PRIVATE) {
        fresh = session_open_private(x->errand.login, opened);
        /* Not if another thread was quicker: what it has in its session would be lost. */
        if (fresh && session_actual(x->asked.session) == x->asked.actual)
            session_give_own(x->asked.session, fresh);
    } else {
        session_store(cache_of(x), x->errand.login, x->context->config.session_idle_ms, opened,
                      &fresh, &is_lent);
        if (fresh)
            session_succeed(x->asked.actual, fresh);
    }
    return fresh != NULL;
}

static bool learn_login(struct exchange *x, struct span body)
{
    struct buffer key = {0}, head = {0};
    struct session_opened opened;
    bool is_done = is_opened(x, body, &key, &head, &opened) && open_session(x, &opened);
    buffer_wipe(&key);
    buffer_free(&key);
    buffer_wipe(&head);
    buffer_free(&head);
    if (is_done) {
        x->asked.actual = session_actual(x->asked.session);
        report_event(x, x->errand.aim == ERRAND_PRIVATE ? VERDICT_SESSION_PRIVATE
                                                        : VERDICT_SESSION_HEALED);
    } else if (http_status(x->response) == 500 && soap_is_fault(body, "InvalidLogin")) {
        session_refuse(x->errand.login);
    }
    if (x->asked.changes_session)
        session_change(cache_of(x), x->asked.actual);
    return is_done;
}

static void learn_view(struct exchange *x, struct span body)
{
    struct buffer head = {0};
    struct soap_response soap = {0};
    bool is_made = http_status(x->response) == 200 && soap_read_response(body, &soap) &&
                   !soap.is_fault && soap.returnval.size > 0;
    session_view_renew(x->asked.session, x->asked.actual, buffer_span(&x->errand.reference),
                       is_made ? buffer_span(&soap.returnval) : (struct span){0},
                       session_is_shared(x->asked.actual));
    if (is_made && session_is_shared(x->asked.actual) &&
        compose_head(x->response, SPAN_OF("HTTP/1.1 200 OK"), body.size, &head))
        session_bound_put(cache_of(x), x->asked.actual, &x->errand.key, buffer_span(&head), body);
    soap_response_free(&soap);
    buffer_free(&head);
}

bool errand_learn(struct exchange *x)
{
    struct span body = {0};
    bool goes_on = true;
    exchange_response_body(x, &body);
    if (x->errand.aim == ERRAND_VIEW)
        learn_view(x, body);
    else
        goes_on = learn_login(x, body);
    errand_end(x);
    return goes_on;
}
