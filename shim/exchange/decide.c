/* Decisions: the request is whole. Who asks, for what, and what is to be done about it? */
#include "exchange/state.h"

#include "base/clock.h"

/* How long a request waits for another process that asks the same. */
enum { COLLAPSE_MS = 5000 };

/* ---- verdicts ------------------------------------------------------------------------------- */

bool decide_claim(struct exchange *x)
{
    uint64_t bound = x->front->may_wait(x->connection) ? COLLAPSE_MS : 0;
    enum claim_result claim = claim_take(cache_of(x), &x->asked.key, bound, &x->asked.claim);
    if (claim == CLAIM_REFUSED && bound > 0)
        report_event(x, VERDICT_WAIT_ENDED);
    return claim != CLAIM_REFUSED;
}

enum exchange_verdict decide_forward(struct exchange *x, enum verdict verdict)
{
    x->asked.verdict = verdict;
    return EXCHANGE_FORWARD;
}

void decide_raise_fence(struct exchange *x)
{
    x->asked.awaits_reach = false;
    x->asked.raised = fence_raise(cache_of(x), &x->endpoint, x->context->config.fence_ms);
}

static enum exchange_verdict forward_write(struct exchange *x, enum verdict verdict)
{
    x->asked.is_write = x->endpoint.name[0] != '\0';
    x->asked.awaits_reach = x->asked.is_write && x->front->connects_late;
    if (!x->asked.is_write) /* whose it is cannot be told: it is everybody's */
        fence_invalidate_all(cache_of(x));
    else if (!x->asked.awaits_reach)
        decide_raise_fence(x);
    return decide_forward(x, verdict);
}

void decide_unseen(struct exchange *x, enum verdict verdict)
{
    x->asked.claim = CLAIM_NONE;
    x->asked.begun_us = clock_microseconds();
    if (!asked_endpoint(x))
        x->endpoint.name[0] = '\0';
    asked_session(x);
    forward_write(x, verdict);
}

/* Bypasses that come before any look at the cache, whatever is asked. VERDICT_COUNT: none. */
static enum verdict reason_to_forward(const struct exchange *x)
{
    const char *name = x->endpoint.name + sizeof("https://") - 1;
    if (!x->endpoint.name[0])
        return VERDICT_UNREADABLE;
    if (!config_selects(&x->context->config, name))
        return VERDICT_HOST;
    if (!x->is_trusted)
        return VERDICT_NO_TRUST;
    if (asked_is_conditional(x))
        return VERDICT_CONDITIONAL;
    if (x->answer.size > 0 && !x->has_answered_interim)
        return VERDICT_PIPELINED;
    if (!x->front->may_answer(x->connection))
        return VERDICT_READER_WAITS;
    return VERDICT_COUNT;
}

/* Requests that change the origin, or may: whatever else holds, the fence goes up. */
static bool decide_write(struct exchange *x, enum exchange_verdict *verdict)
{
    switch (asked_class(x)) {
    case OPERATION_TASK:
        x->asked.is_task = true;
        *verdict = forward_write(x, VERDICT_TASK);
        return true;
    case OPERATION_WRITE:
        *verdict = forward_write(x, VERDICT_WRITE);
        return true;
    case OPERATION_UNKNOWN:
        *verdict = forward_write(x, x->soap.is_understood ? VERDICT_UNKNOWN : VERDICT_UNREADABLE);
        return true;
    default:
        return false;
    }
}

static enum exchange_verdict decide_by_class(struct exchange *x)
{
    enum operation_class class = asked_class(x);
    if (class == OPERATION_LOGIN)
        return decide_login(x);
    if (!asked_principal(x))
        return decide_forward(x, VERDICT_NO_CACHE);
    if (x->asked.session && session_is_logged_out(x->asked.session))
        return decide_forward(x, VERDICT_LOGGED_OUT);
    switch (class) {
    case OPERATION_READ:
        return decide_read(x);
    case OPERATION_PROPERTY_READ:
        if (x->soap.is_current_session)
            return decide_bound(x, KEEP_BOUND, VERDICT_CURRENT_SESSION, VERDICT_LIVE);
        return x->soap.is_live ? decide_forward(x, VERDICT_LIVE) : decide_read(x);
    case OPERATION_VIEW:
        return decide_bound(x, KEEP_VIEW, VERDICT_VIEW_LENT, VERDICT_NO_VIEW);
    case OPERATION_DESTROY_VIEW:
        return decide_destroy_view(x);
    case OPERATION_LOGOUT:
        return decide_logout(x);
    case OPERATION_SESSION:
        return decide_session(x);
    case OPERATION_PAGE:
        return page_decide(x);
    case OPERATION_WAITING:
        return decide_forward(x, VERDICT_WAITING);
    default:
        return decide_forward(x, VERDICT_LIVE);
    }
}

/* What the request does lives in the session, and whose that is is known. */
static bool is_in_session(const struct exchange *x)
{
    bool is_kept_in_it = asked_class(x) == OPERATION_SESSION ||
                         (x->asked.operation && x->asked.operation->is_in_session);
    return is_kept_in_it && x->endpoint.name[0] && x->is_trusted && x->answer.size == 0;
}

/* To find out more about anything else would leave a trace. */
static bool may_be_at_hand(const struct exchange *x)
{
    enum operation_class class = asked_class(x);
    return (class == OPERATION_READ || class == OPERATION_PROPERTY_READ) && !is_in_session(x);
}

enum exchange_verdict decide(struct exchange *x)
{
    enum exchange_verdict verdict;
    x->asked.claim = CLAIM_NONE;
    x->asked.begun_us = clock_microseconds();
    x->asked.closes = !http_is_1_1(x->request) || !http_keeps_alive(x->request);
    if (!asked_endpoint(x))
        x->endpoint.name[0] = '\0';
    asked_session(x);
    if (!asked_operation(x))
        return decide_forward(x, VERDICT_NOT_SOAP);
    if (!x->asked.operation)
        asked_soap(x);
    x->holds_secret = asked_class(x) == OPERATION_LOGIN;
    asked_peer(x);
    if (x->is_again && !may_be_at_hand(x))
        return EXCHANGE_FORWARD;
    if (is_in_session(x))
        decide_private(x);
    if (decide_write(x, &verdict))
        return verdict;
    enum verdict reason = reason_to_forward(x);
    if (reason == VERDICT_COUNT)
        return decide_by_class(x);
    if (asked_class(x) == OPERATION_LOGOUT)
        decide_withdraw_logged_out(x);
    return decide_forward(x, reason);
}
