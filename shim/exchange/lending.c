/* Sessions and what lives in them: lent, kept back, given up (DESIGN, section 7). */
#include "exchange/state.h"

/* Answers with a response that lives and dies with the session, if there is one. */
static bool answer_bound(struct exchange *x, enum keep keep, enum verdict hit)
{
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    if (session_bound_get(cache_of(x), x->asked.session, &x->asked.key, &x->answer.head,
                          &x->answer.body) != CACHE_OK)
        return false;
    struct soap_response view = {0};
    if (keep == KEEP_VIEW && soap_read_response(buffer_span(&x->answer.body), &view))
        session_view_add(cache_of(x), x->asked.session, buffer_span(&view.returnval));
    soap_response_free(&view);
    answer_own(&x->answer, x->asked.closes);
    report_hit(x, hit, 0, x->answer.body.size, 0);
    return true;
}

/* A view, or currentSession. */
enum exchange_verdict decide_bound(struct exchange *x, enum keep keep, enum verdict hit,
                                   enum verdict miss)
{
    if (!x->asked.session || !session_is_shared(x->asked.session) || !asked_key(x))
        return decide_forward(x, miss);
    if (answer_bound(x, keep, hit))
        return EXCHANGE_ANSWER;
    if (decide_claim(x) && answer_bound(x, keep, hit)) {
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    x->asked.keep = keep;
    return decide_forward(x, miss);
}

static bool borrow(struct exchange *x)
{
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    if (session_borrow(cache_of(x), x->asked.session, x->context->config.session_idle_ms,
                       &x->answer.head, &x->answer.body) != CACHE_OK)
        return false;
    answer_own(&x->answer, x->asked.closes);
    report_hit(x, VERDICT_SESSION_LENT, 0, x->answer.body.size, 0);
    return true;
}

/* Programs word a login differently; of the same credentials it is the same question. */
static bool make_login_key(struct exchange *x)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    struct buffer canonical = {0};
    buffer_append_sized(&canonical, SPAN_OF("Login"));
    buffer_append_sized(&canonical,
                        (struct span){x->asked.principal.id, sizeof(x->asked.principal.id)});
    x->asked.has_key = secret && !canonical.failed;
    if (x->asked.has_key)
        x->asked.key = key_of(secret, buffer_span(&canonical));
    buffer_free(&canonical);
    return x->asked.has_key;
}

enum exchange_verdict decide_login(struct exchange *x)
{
    const struct session_login login = {
        .endpoint = &x->endpoint,
        .trust = &x->trust,
        .user = buffer_span(&x->soap.user),
        .password = buffer_span(&x->soap.password),
        .locale = buffer_span(&x->soap.locale),
    };
    if (login.user.size == 0 || login.password.size == 0)
        return decide_forward(x, VERDICT_SESSION);
    x->asked.session = session_of_login(cache_of(x), &login);
    if (!x->asked.session)
        return decide_forward(x, VERDICT_NO_CACHE);
    x->asked.principal = *session_principal(x->asked.session);
    /* Who is logged in already is refused, or its session has ended: the origin knows. */
    struct session *current = asked_session(x);
    bool is_logged_in = current && !session_is_logged_out(current);
    if (!is_logged_in && borrow(x))
        return EXCHANGE_ANSWER;
    x->asked.keep = KEEP_LOGIN;
    if (!is_logged_in && make_login_key(x) && decide_claim(x) && borrow(x)) {
        x->asked.keep = KEEP_NOTHING;
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    return decide_forward(x, VERDICT_NO_SESSION);
}

/* The session is another user's from now on (ImpersonateUser), or speaks another language
 * (SetLocale): it is lent to nobody any more, and what is read in it is nobody else's. */
enum exchange_verdict decide_session(struct exchange *x)
{
    if (x->asked.session && !session_is_changed(x->asked.session)) {
        session_change(cache_of(x), x->asked.session);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
    return decide_forward(x, VERDICT_SESSION);
}

static enum exchange_verdict answer_empty(struct exchange *x, const char *name,
                                          enum verdict verdict)
{
    if (!answer_empty_response(&x->answer, name, x->asked.closes))
        return decide_forward(x, VERDICT_SESSION);
    report_hit(x, verdict, 0, x->answer.body.size, 0);
    return EXCHANGE_ANSWER;
}

enum exchange_verdict decide_logout(struct exchange *x)
{
    if (!x->asked.session || session_is_own(x->asked.session))
        return decide_forward(x, VERDICT_SESSION);
    enum exchange_verdict verdict = answer_empty(x, "LogoutResponse", VERDICT_LOGOUT_KEPT);
    if (verdict == EXCHANGE_ANSWER)
        session_log_out(x->asked.session);
    return verdict;
}

void decide_withdraw_logged_out(struct exchange *x)
{
    struct session *session = asked_session(x);
    if (session && session_is_shared(session)) {
        session_withdraw(cache_of(x), session);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
}

enum exchange_verdict decide_destroy_view(struct exchange *x)
{
    if (!x->asked.session ||
        !session_view_is_shared(cache_of(x), x->asked.session, buffer_span(&x->soap.self)))
        return decide_forward(x, VERDICT_WAITING);
    return answer_empty(x, "DestroyViewResponse", VERDICT_VIEW_KEPT);
}
