/* Sessions and what lives in them: lent, kept back, given up (DESIGN, section 7). */
#include "exchange/state.h"

void lend_view(struct exchange *x, struct span current, bool is_own)
{
    struct buffer reference = {0};
    struct session_view view = {.current = current, .is_own = is_own};
    bool is_added = (x->asked.has_key || (asked_principal(x) && asked_key(x))) &&
                    exchange_request_body(x, &view.request) &&
                    compose_for_program(x, current, &reference);
    view.key = x->asked.key;
    view.reference = buffer_span(&reference);
    if (!is_added || !session_view_add(x->asked.session, x->asked.actual, &view))
        session_keep_thing(x->asked.actual, true);
    buffer_free(&reference);
}

/* What DestroyView is asked of, by the name that the program knows it by. */
static bool destroyed_view(struct exchange *x, struct buffer *reference)
{
    return x->asked.session && compose_for_program(x, buffer_span(&x->soap.self), reference);
}

void lend_no_view(struct exchange *x)
{
    struct buffer reference = {0};
    if (!destroyed_view(x, &reference) ||
        !session_view_forget(x->asked.session, buffer_span(&reference)))
        session_keep_thing(x->asked.actual, false);
    buffer_free(&reference);
}

bool lend_answer(struct exchange *x, struct span head, struct span body)
{
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    if (!compose_for_program(x, head, &x->answer.head) ||
        !compose_for_program(x, body, &x->answer.body) ||
        !compose_length(&x->answer.head, x->answer.body.size))
        return false;
    answer_own(&x->answer, x->asked.closes);
    return true;
}

/* Answers with a response that lives and dies with the session, if there is one. */
static bool answer_bound(struct exchange *x, enum keep keep, enum verdict hit)
{
    struct buffer head = {0}, body = {0};
    struct soap_response view = {0};
    bool is_answered =
        session_bound_get(cache_of(x), x->asked.actual, &x->asked.key, &head, &body) == CACHE_OK &&
        lend_answer(x, buffer_span(&head), buffer_span(&body));
    if (is_answered) {
        if (keep == KEEP_VIEW && soap_read_response(buffer_span(&body), &view))
            lend_view(x, buffer_span(&view.returnval), false);
        report_hit(x, hit, 0, x->answer.body.size, 0);
    }
    soap_response_free(&view);
    buffer_wipe(&head);
    buffer_free(&head);
    buffer_wipe(&body);
    buffer_free(&body);
    return is_answered;
}

static bool answer_empty(struct exchange *x, const char *name, enum verdict verdict)
{
    bool is_answered = answer_empty_response(&x->answer, name, x->asked.closes);
    if (is_answered)
        report_hit(x, verdict, 0, x->answer.body.size, 0);
    return is_answered;
}

bool lend_bound(struct exchange *x)
{
    if (asked_class(x) == OPERATION_DESTROY_VIEW)
        return x->asked.ended && answer_empty(x, "DestroyViewResponse", VERDICT_VIEW_KEPT);
    bool is_view = x->asked.keep == KEEP_VIEW;
    bool is_lent =
        (is_view || x->asked.keep == KEEP_BOUND) && session_is_shared(x->asked.actual) &&
        answer_bound(x, x->asked.keep, is_view ? VERDICT_VIEW_LENT : VERDICT_CURRENT_SESSION);
    if (is_lent)
        x->asked.keep = KEEP_NOTHING;
    return is_lent;
}

/* A view, or currentSession. */
enum exchange_verdict decide_bound(struct exchange *x, enum keep keep, enum verdict hit,
                                   enum verdict miss)
{
    if (!x->asked.session || !session_is_shared(x->asked.actual) || !asked_key(x))
        return decide_forward(x, miss);
    if (answer_bound(x, keep, hit))
        return EXCHANGE_ANSWER;
    if (x->is_again)
        return decide_forward(x, miss);
    if (decide_claim(x) && answer_bound(x, keep, hit)) {
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    x->asked.keep = keep;
    return decide_forward(x, miss);
}

/* Answers with the Login of the session that is lent, by the name that the program is to know. */
static bool borrow(struct exchange *x)
{
    struct buffer head = {0}, body = {0};
    struct session *session;
    bool is_lent = session_borrow(cache_of(x), x->asked.session, x->context->config.session_idle_ms,
                                  &session, &head, &body) == CACHE_OK;
    if (is_lent) {
        x->asked.session = session;
        /* Which the response speaks of, whatever has succeeded it since. */
        x->asked.actual = session_named(session);
        is_lent = lend_answer(x, buffer_span(&head), buffer_span(&body));
        report_hit(x, VERDICT_SESSION_LENT, 0, x->answer.body.size, 0);
    }
    buffer_wipe(&head);
    buffer_free(&head);
    buffer_wipe(&body);
    buffer_free(&body);
    return is_lent;
}

bool login_key(struct exchange *x, const struct session *login, struct span cookie,
               struct cache_key *key)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    const struct principal *principal = session_principal(login);
    struct buffer canonical = {0};
    buffer_append_sized(&canonical, SPAN_OF("Login"));
    buffer_append_sized(&canonical, (struct span){principal->id, sizeof(principal->id)});
    buffer_append_sized(&canonical, cookie);
    bool is_done = secret && !canonical.failed;
    if (is_done)
        *key = key_of(secret, buffer_span(&canonical));
    buffer_free(&canonical);
    return is_done;
}

/* To log in again, should the program need a session of its own, or the origin end this one. */
static void keep_login_body(struct exchange *x)
{
    struct span body;
    if (exchange_request_body(x, &body))
        session_keep_login(x->asked.session, body);
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
    struct session *current = x->asked.session;
    if (login.user.size == 0 || login.password.size == 0)
        return decide_forward(x, VERDICT_SESSION);
    x->asked.session = session_of_login(cache_of(x), &login);
    if (!x->asked.session)
        return decide_forward(x, VERDICT_NO_CACHE);
    x->asked.actual = x->asked.session;
    x->asked.principal = *session_principal(x->asked.session);
    keep_login_body(x);
    /* Who is logged in already is refused, or its session has ended: the origin knows. */
    bool is_logged_in = current && !session_is_logged_out(current);
    if (!is_logged_in && borrow(x))
        return EXCHANGE_ANSWER;
    x->asked.keep = KEEP_LOGIN;
    x->asked.has_key = login_key(x, x->asked.session, (struct span){0}, &x->asked.key);
    if (!is_logged_in && x->asked.has_key && decide_claim(x) && borrow(x)) {
        x->asked.keep = KEEP_NOTHING;
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    return decide_forward(x, VERDICT_NO_SESSION);
}

void decide_private(struct exchange *x)
{
    bool changes_session = asked_class(x) == OPERATION_SESSION;
    if (!x->asked.session || session_is_logged_out(x->asked.session))
        return;
    bool is_only_name = session_is_only_name(x->asked.session);
    bool is_own = session_is_own(x->asked.actual);
    bool stays = session_is_private(x->asked.actual) && !changes_session;
    if (is_only_name && (is_own || stays))
        return;
    /* Who opened it and lent it to nobody may stay. But not with another user or locale, for then
     * who is lent it at that moment would be lent those. */
    bool may_stay = is_only_name && session_is_shared(x->asked.actual) &&
                    !session_is_borrowed(x->asked.actual) && !changes_session &&
                    session_take_back(cache_of(x), x->asked.actual);
    x->errand.login = may_stay ? NULL : session_login(x->asked.session, &x->trust);
    if (x->errand.login) {
        errand_begin_private(x);
        return;
    }
    session_make_private(cache_of(x), x->asked.actual);
    report_event(x, VERDICT_SESSION_WITHDRAWN);
}

/* The session is another user's from now on (ImpersonateUser), or speaks another language
 * (SetLocale): what is read in it is nobody else's. */
enum exchange_verdict decide_session(struct exchange *x)
{
    x->asked.changes_session = x->errand.aim == ERRAND_PRIVATE;
    if (!x->asked.session) {
        principal_change(cache_of(x), &x->endpoint, &x->trust, asked_cookie(x));
        x->has_principal = false;
    } else if (!x->asked.changes_session) {
        session_change(cache_of(x), x->asked.actual);
    }
    return decide_forward(x, VERDICT_SESSION);
}

enum exchange_verdict decide_logout(struct exchange *x)
{
    if (!x->asked.session ||
        (session_is_own(x->asked.actual) && session_is_only_name(x->asked.session))) {
        x->asked.resigns = x->asked.session != NULL;
        return decide_forward(x, VERDICT_SESSION);
    }
    if (!answer_empty(x, "LogoutResponse", VERDICT_LOGOUT_KEPT))
        return decide_forward(x, VERDICT_SESSION);
    session_log_out(x->asked.session);
    return EXCHANGE_ANSWER;
}

void decide_withdraw_logged_out(struct exchange *x)
{
    if (x->asked.actual && session_is_shared(x->asked.actual)) {
        session_withdraw(cache_of(x), x->asked.actual);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
}

enum exchange_verdict decide_destroy_view(struct exchange *x)
{
    struct buffer reference = {0};
    bool is_kept = destroyed_view(x, &reference) &&
                   session_view_is_kept(x->asked.session, x->asked.actual, buffer_span(&reference));
    buffer_free(&reference);
    return is_kept && answer_empty(x, "DestroyViewResponse", VERDICT_VIEW_KEPT)
               ? EXCHANGE_ANSWER
               : decide_forward(x, VERDICT_WAITING);
}
