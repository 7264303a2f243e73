/* Decisions: the request is whole. Who asks, for what, and what is to be done about it? */
#include "exchange/state.h"

#include "base/clock.h"
#include "exchange/memo.h"

#include <string.h>
#include <strings.h>

/* How long a request waits for another process that asks the same. */
enum { COLLAPSE_MS = 5000 };

static struct cache *cache_of(const struct exchange *x)
{
    return x->context->cache;
}

/* ---- what is asked ------------------------------------------------------------------------- */

/* https://host:port in lower case, the port always written. */
static bool read_endpoint(struct exchange *x)
{
    static const char scheme[] = "https://";
    char peer[ENDPOINT_SIZE];
    struct span host = http_field(x->request, "Host");
    if (host.size == 0) {
        if (!x->front->peer_name(x->connection, peer, sizeof(peer)))
            return false;
        host = span_of_text(peer);
    }
    const uint8_t *bracket = memrchr(host.data, ']', host.size);
    const uint8_t *after = bracket ? bracket : host.data;
    bool has_port = memchr(after, ':', (size_t)(host.data + host.size - after)) != NULL;
    const char *port = has_port ? "" : ":443";
    if (sizeof(scheme) + host.size + strlen(port) > sizeof(x->endpoint.name))
        return false;
    char *at = x->endpoint.name;
    memcpy(at, scheme, sizeof(scheme) - 1);
    at += sizeof(scheme) - 1;
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        if (c <= ' ' || c >= 127)
            return false;
        *at++ = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    memcpy(at, port, strlen(port) + 1);
    return true;
}

static void read_peer(struct exchange *x)
{
    if (x->has_peer)
        return;
    x->has_peer = true;
    x->is_trusted = x->front->trust(x->connection, &x->trust);
}

static void copy_name(char name[SOAP_NAME_SIZE], const char *text)
{
    size_t size = strnlen(text, SOAP_NAME_SIZE - 1);
    memcpy(name, text, size);
    name[size] = '\0';
}

static struct span path_of(struct span target)
{
    const uint8_t *query = memchr(target.data, '?', target.size);
    return (struct span){target.data, query ? (size_t)(query - target.data) : target.size};
}

/* /sdk, /sdk/ and what is below. */
static bool is_sdk(struct span path)
{
    return path.size >= 4 && memcmp(path.data, "/sdk", 4) == 0 &&
           (path.size == 4 || path.data[4] == '/');
}

bool decide_is_ours(const struct exchange *x)
{
    struct span method = http_method(x->request);
    struct span path = path_of(http_target(x->request));
    return is_sdk(path) &&
           (span_equal(method, SPAN_OF("POST")) || span_equal(method, SPAN_OF("GET")));
}

/* Reads the operation; false when it is no vSphere request of this cache's sense. */
static bool read_operation(struct exchange *x)
{
    struct span method = http_method(x->request);
    struct span path = path_of(http_target(x->request));
    if (span_equal(method, SPAN_OF("GET"))) {
        x->asked.operation = operation_of_get(path);
        if (x->asked.operation)
            copy_name(x->asked.name, x->asked.operation->name);
        return x->asked.operation != NULL;
    }
    return span_equal(method, SPAN_OF("POST")) && is_sdk(path);
}

static void parse_soap(struct exchange *x, struct span body)
{
    soap_request_free(&x->soap);
    soap_read_request(body, &x->soap);
    copy_name(x->asked.name, x->soap.operation);
    if (x->soap.is_understood)
        x->asked.operation = operation_find(span_of_text(x->soap.operation));
}

/* Whether what the request says is all that matters of it: then the memo may stand for it. */
static bool is_plain_read(const struct exchange *x)
{
    const struct operation *operation = x->asked.operation;
    return operation && (operation->class == OPERATION_READ ||
                         (operation->class == OPERATION_PROPERTY_READ && !x->soap.is_live &&
                          !x->soap.is_current_session));
}

/* Reads `body`, or remembers what it says; after a memo x->soap is empty until parse_remembered. */
static void read_body(struct exchange *x, struct span body)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    struct cache_key raw;
    struct memo memo = {0};
    if (secret) {
        raw = key_of(secret, body);
        memo_find(&raw, &memo);
    }
    if (memo.operation) {
        x->asked.is_remembered = true;
        x->asked.operation = memo.operation;
        copy_name(x->asked.name, memo.operation->name);
        x->asked.canonical = memo.canonical;
        return;
    }
    parse_soap(x, body);
    if (!secret || !x->soap.is_understood)
        return;
    x->asked.canonical = key_of(secret, buffer_span(&x->soap.canonical));
    if (is_plain_read(x))
        memo_keep(&raw, &(struct memo){x->asked.operation, x->asked.canonical});
}

static void with_body(struct exchange *x, void (*use)(struct exchange *, struct span))
{
    struct buffer decoded = {0};
    struct span body;
    if (http_body_is_kept(x->request) &&
        http_identity_body(x->request, EXCHANGE_REQUEST_LIMIT, &decoded, &body))
        use(x, body);
    buffer_wipe(&decoded);
    buffer_free(&decoded);
}

static void read_soap(struct exchange *x)
{
    soap_request_free(&x->soap);
    with_body(x, read_body);
}

/* A remembered request is to be forwarded after all: its label needs what it names. */
static void parse_remembered(struct exchange *x)
{
    if (x->asked.is_remembered)
        with_body(x, parse_soap);
    x->asked.is_remembered = false;
}

static enum operation_class class_of(const struct exchange *x)
{
    return x->asked.operation ? x->asked.operation->class : OPERATION_UNKNOWN;
}

/* Something in the head that the answer would depend on and the key does not know. */
static bool is_conditional(const struct exchange *x)
{
    static const struct span fields[] = {SPAN_OF("Range"),         SPAN_OF("If-Match"),
                                         SPAN_OF("If-None-Match"), SPAN_OF("If-Modified-Since"),
                                         SPAN_OF("If-Range"),      SPAN_OF("Authorization")};
    struct span name, value;
    for (size_t i = 0; http_field_at(x->request, i, &name, &value); i++)
        for (size_t j = 0; j < sizeof(fields) / sizeof(fields[0]); j++)
            if (span_equal_ignoring_case(name, fields[j]))
                return true;
    return false;
}

/* ---- who asks, and the key ------------------------------------------------------------------ */

static struct session *session_of_request(const struct exchange *x)
{
    return session_of_cookie(&x->endpoint, cookie_token(http_field(x->request, "Cookie")));
}

/* Overwritten in place, so that nothing else changes. */
void decide_hide_cookie(struct exchange *x)
{
    struct session *session = session_of_request(x);
    if (!session || !session_is_logged_out(session))
        return;
    struct span token = cookie_token(http_field(x->request, "Cookie"));
    uint8_t *at = x->held.data;
    uint8_t *end = x->held.data + x->held.size;
    while (token.size && (at = memmem(at, (size_t)(end - at), token.data, token.size)) != NULL) {
        memset(at, '0', token.size);
        at += token.size;
    }
}

static bool read_principal(struct exchange *x)
{
    struct span field = http_field(x->request, "Cookie");
    struct span token = cookie_token(field);
    x->asked.session = session_of_cookie(&x->endpoint, token);
    if (x->asked.session) {
        x->asked.principal = *session_principal(x->asked.session);
        return true;
    }
    /* Another cookie than vCenter's is somebody all the same. */
    struct span cookie = token.size ? token : field;
    if (!x->has_principal || !span_equal(cookie, buffer_span(&x->cookie))) {
        buffer_clear(&x->cookie);
        x->has_principal =
            principal_of_cookie(cache_of(x), &x->endpoint, &x->trust, cookie, &x->principal) &&
            buffer_append_span(&x->cookie, cookie);
    }
    x->asked.principal = x->principal;
    return x->has_principal;
}

/* "urn:vim25/6.0" with and without its quotes is one version. */
static struct span version_of(const struct exchange *x)
{
    struct span action = http_field(x->request, "SOAPAction");
    if (action.size >= 2 && action.data[0] == '"' && action.data[action.size - 1] == '"')
        action = (struct span){action.data + 1, action.size - 2};
    return action;
}

#define SPAN_OF_NUMBER(number) ((struct span){(const uint8_t *)&(number), sizeof(number)})

/* The namespace and the canonical request, hashed. */
static bool make_key(struct exchange *x)
{
    const struct cache_secret *secret = cache_secret(cache_of(x));
    if (!secret)
        return false;
    struct buffer canonical = {0};
    buffer_append_sized(&canonical, span_of_text(x->endpoint.name));
    buffer_append_sized(&canonical, (struct span){x->trust.digest, sizeof(x->trust.digest)});
    buffer_append_sized(&canonical,
                        (struct span){x->asked.principal.id, sizeof(x->asked.principal.id)});
    buffer_append_sized(&canonical, http_method(x->request));
    buffer_append_sized(&canonical, http_target(x->request));
    buffer_append_sized(&canonical, version_of(x));
    buffer_append_sized(&canonical,
                        (struct span){x->asked.canonical.id, sizeof(x->asked.canonical.id)});
    buffer_append_sized(&canonical, SPAN_OF_NUMBER(x->asked.canonical.check));
    buffer_append_sized(&canonical, SPAN_OF_NUMBER(x->asked.canonical.length));
    x->asked.has_key = !canonical.failed;
    if (x->asked.has_key)
        x->asked.key = key_of(secret, buffer_span(&canonical));
    if (x->holds_secret)
        buffer_wipe(&canonical);
    buffer_free(&canonical);
    return x->asked.has_key;
}

/* What the stored response will say of itself. Only on a miss. */
static void make_label(struct exchange *x, const struct fence_state *fence)
{
    parse_remembered(x);
    struct store_label *label = &x->asked.label;
    const struct cache_secret *secret = cache_secret(cache_of(x));
    label->endpoint = x->endpoint;
    label->principal = x->asked.principal;
    copy_name(label->operation, x->asked.name);
    label->requested_at = clock_milliseconds();
    label->generation = fence->generation;
    label->is_object_list_cut = x->soap.is_object_list_cut;
    for (size_t i = 0; secret && i < x->soap.object_count && i < STORE_OBJECTS; i++) {
        struct span name = {x->soap.object_names.data + x->soap.objects[i].at,
                            x->soap.objects[i].size};
        label->objects[label->object_count++] = key_of_object(secret, name);
    }
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static enum exchange_verdict forward(struct exchange *x, enum verdict verdict)
{
    x->asked.verdict = verdict;
    return EXCHANGE_FORWARD;
}

static enum exchange_verdict forward_write(struct exchange *x, enum verdict verdict)
{
    x->asked.is_write = x->endpoint.name[0] != '\0';
    if (x->asked.is_write)
        fence_raise(cache_of(x), &x->endpoint, x->context->config.fence_ms);
    else /* whose write it is cannot be told: it is everybody's */
        fence_invalidate_all(cache_of(x));
    return forward(x, verdict);
}

void decide_unseen(struct exchange *x, enum verdict verdict)
{
    x->asked.claim = CLAIM_NONE;
    x->asked.begun_us = clock_microseconds();
    if (!read_endpoint(x))
        x->endpoint.name[0] = '\0';
    decide_hide_cookie(x);
    forward_write(x, verdict);
}

/* Whether a stored response may be given to this reader; if not, why. */
static bool is_servable(const struct stored_response *response, const struct fence_state *fence,
                        uint64_t ttl_ms, uint64_t *age_ms, enum verdict *why)
{
    uint64_t now = clock_milliseconds();
    *age_ms = now - response->label.requested_at; /* from the future: huge, so stale */
    *why = response->label.generation != fence->generation ? VERDICT_INVALIDATED : VERDICT_STALE;
    return response->label.generation == fence->generation && *age_ms < ttl_ms;
}

/* Makes the lent response the answer; false if it is sealed and this process has no key. */
static bool answer_with(struct exchange *x, struct stored_response *response)
{
    if (!response->label.is_sealed) {
        answer_lent(&x->answer, response, x->asked.closes);
        return true;
    }
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    bool is_open =
        x->asked.session && session_unseal(x->asked.session, &x->asked.key, response->body,
                                           &x->answer.head, &x->answer.body);
    store_release(response);
    if (is_open)
        answer_own(&x->answer, x->asked.closes);
    return is_open;
}

/* One look into the store. */
static bool look_up(struct exchange *x, const struct fence_state *fence, uint64_t ttl_ms,
                    enum verdict hit, enum verdict *why)
{
    struct stored_response response = {0};
    bool is_mismatch = false;
    uint64_t age_ms;
    enum cache_status status = store_get(cache_of(x), &x->asked.key, &response, &is_mismatch);
    if (status != CACHE_OK) {
        *why = status != CACHE_ABSENT ? VERDICT_NO_CACHE
               : is_mismatch          ? VERDICT_MISMATCH
                                      : VERDICT_ABSENT;
        return false;
    }
    if (!is_servable(&response, fence, ttl_ms, &age_ms, why)) {
        store_release(&response);
        return false;
    }
    size_t bytes = response.body.size;
    uint64_t origin_us = response.label.origin_us;
    if (!answer_with(x, &response)) {
        *why = VERDICT_ABSENT;
        return false;
    }
    report_hit(x, hit, age_ms, bytes, origin_us);
    return true;
}

/* Of many that ask this at once, one goes to the origin (collapse.h). True: the claim is held, or
 * its holder has let go, and something may be stored since. */
static bool claim_or_wait(struct exchange *x)
{
    uint64_t bound = x->front->may_wait(x->connection) ? COLLAPSE_MS : 0;
    enum claim_result claim = claim_take(cache_of(x), &x->asked.key, bound, &x->asked.claim);
    if (claim == CLAIM_REFUSED && bound > 0)
        report_event(x, VERDICT_WAIT_ENDED);
    return claim != CLAIM_REFUSED;
}

/* A cached read. */
static enum exchange_verdict decide_read(struct exchange *x)
{
    struct cache *cache = cache_of(x);
    enum verdict why = VERDICT_TTL_ZERO;
    uint64_t ttl_ms = config_ttl_ms(&x->context->config, span_of_text(x->asked.name));
    if (x->asked.session && session_is_changed(x->asked.session))
        return forward(x, VERDICT_SESSION);
    if (!make_key(x))
        return forward(x, VERDICT_NO_CACHE);
    struct fence_state fence = fence_read(cache, &x->endpoint);
    if (fence.is_fenced)
        return forward(x, VERDICT_FENCED);
    if (ttl_ms > 0) {
        if (look_up(x, &fence, ttl_ms, VERDICT_HIT, &why))
            return EXCHANGE_ANSWER;
        /* Who asked before us may have stored in between. The state is read anew, for a write may
         * have been sent in between, too. */
        bool may_be_stored = claim_or_wait(x);
        fence = fence_read(cache, &x->endpoint);
        if (may_be_stored && !fence.is_fenced &&
            look_up(x, &fence, ttl_ms, VERDICT_COLLAPSED, &(enum verdict){0})) {
            claim_release(cache, &x->asked.claim);
            return EXCHANGE_ANSWER;
        }
    }
    if (fence.is_fenced)
        return forward(x, VERDICT_FENCED);
    make_label(x, &fence);
    x->asked.keep = KEEP_RESPONSE;
    return forward(x, why);
}

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
static enum exchange_verdict decide_bound(struct exchange *x, enum keep keep, enum verdict hit,
                                          enum verdict miss)
{
    if (!x->asked.session || !session_is_shared(x->asked.session) || !make_key(x))
        return forward(x, miss);
    if (answer_bound(x, keep, hit))
        return EXCHANGE_ANSWER;
    if (claim_or_wait(x) && answer_bound(x, keep, hit)) {
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    x->asked.keep = keep;
    return forward(x, miss);
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

static enum exchange_verdict decide_login(struct exchange *x)
{
    const struct session_login login = {
        .endpoint = &x->endpoint,
        .trust = &x->trust,
        .user = buffer_span(&x->soap.user),
        .password = buffer_span(&x->soap.password),
        .locale = buffer_span(&x->soap.locale),
    };
    if (login.user.size == 0 || login.password.size == 0)
        return forward(x, VERDICT_SESSION);
    x->asked.session = session_of_login(cache_of(x), &login);
    if (!x->asked.session)
        return forward(x, VERDICT_NO_CACHE);
    x->asked.principal = *session_principal(x->asked.session);
    /* Who is logged in already is refused, or its session has ended: the origin knows. */
    struct session *current = session_of_request(x);
    bool is_logged_in = current && !session_is_logged_out(current);
    if (!is_logged_in && borrow(x))
        return EXCHANGE_ANSWER;
    x->asked.keep = KEEP_LOGIN;
    if (!is_logged_in && make_login_key(x) && claim_or_wait(x) && borrow(x)) {
        x->asked.keep = KEEP_NOTHING;
        claim_release(cache_of(x), &x->asked.claim);
        return EXCHANGE_ANSWER;
    }
    return forward(x, VERDICT_NO_SESSION);
}

/* The session is another user's from now on (ImpersonateUser), or speaks another language
 * (SetLocale): it is lent to nobody any more, and what is read in it is nobody else's. */
static enum exchange_verdict decide_session(struct exchange *x)
{
    if (x->asked.session && !session_is_changed(x->asked.session)) {
        session_change(cache_of(x), x->asked.session);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
    return forward(x, VERDICT_SESSION);
}

static enum exchange_verdict answer_empty(struct exchange *x, const char *name,
                                          enum verdict verdict)
{
    if (!answer_empty_response(&x->answer, name, x->asked.closes))
        return forward(x, VERDICT_SESSION);
    report_hit(x, verdict, 0, x->answer.body.size, 0);
    return EXCHANGE_ANSWER;
}

static enum exchange_verdict decide_logout(struct exchange *x)
{
    if (!x->asked.session || session_is_own(x->asked.session))
        return forward(x, VERDICT_SESSION);
    enum exchange_verdict verdict = answer_empty(x, "LogoutResponse", VERDICT_LOGOUT_KEPT);
    if (verdict == EXCHANGE_ANSWER)
        session_log_out(x->asked.session);
    return verdict;
}

/* A Logout that cannot be answered here ends the session: nobody may be lent it from now on. */
static void withdraw_logged_out(struct exchange *x)
{
    struct session *session = session_of_request(x);
    if (session && session_is_shared(session)) {
        session_withdraw(cache_of(x), session);
        report_event(x, VERDICT_SESSION_WITHDRAWN);
    }
}

static enum exchange_verdict decide_destroy_view(struct exchange *x)
{
    if (!x->asked.session ||
        !session_view_is_shared(cache_of(x), x->asked.session, buffer_span(&x->soap.self)))
        return forward(x, VERDICT_WAITING);
    return answer_empty(x, "DestroyViewResponse", VERDICT_VIEW_KEPT);
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
    if (is_conditional(x))
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
    switch (class_of(x)) {
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
    enum operation_class class = class_of(x);
    if (class == OPERATION_LOGIN)
        return decide_login(x);
    if (!read_principal(x))
        return forward(x, VERDICT_NO_CACHE);
    if (x->asked.session && session_is_logged_out(x->asked.session))
        return forward(x, VERDICT_LOGGED_OUT);
    switch (class) {
    case OPERATION_READ:
        return decide_read(x);
    case OPERATION_PROPERTY_READ:
        if (x->soap.is_current_session)
            return decide_bound(x, KEEP_BOUND, VERDICT_CURRENT_SESSION, VERDICT_LIVE);
        return x->soap.is_live ? forward(x, VERDICT_LIVE) : decide_read(x);
    case OPERATION_VIEW:
        return decide_bound(x, KEEP_VIEW, VERDICT_VIEW_LENT, VERDICT_NO_VIEW);
    case OPERATION_DESTROY_VIEW:
        return decide_destroy_view(x);
    case OPERATION_LOGOUT:
        return decide_logout(x);
    case OPERATION_SESSION:
        return decide_session(x);
    case OPERATION_PAGE:
        return forward(x, VERDICT_PAGE);
    case OPERATION_WAITING:
        return forward(x, VERDICT_WAITING);
    default:
        return forward(x, VERDICT_LIVE);
    }
}

enum exchange_verdict decide(struct exchange *x)
{
    enum exchange_verdict verdict;
    x->asked.claim = CLAIM_NONE;
    x->asked.begun_us = clock_microseconds();
    x->asked.closes = !http_is_1_1(x->request) || !http_keeps_alive(x->request);
    if (!read_endpoint(x))
        x->endpoint.name[0] = '\0';
    decide_hide_cookie(x);
    if (!read_operation(x))
        return forward(x, VERDICT_NOT_SOAP);
    if (!x->asked.operation)
        read_soap(x);
    x->holds_secret = class_of(x) == OPERATION_LOGIN;
    read_peer(x);
    if (decide_write(x, &verdict))
        return verdict;
    enum verdict reason = reason_to_forward(x);
    if (reason == VERDICT_COUNT)
        return decide_by_class(x);
    if (class_of(x) == OPERATION_LOGOUT)
        withdraw_logged_out(x);
    return forward(x, reason);
}
