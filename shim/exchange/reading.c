/* Reads: answered from the store, or forwarded and stored. */
#include "exchange/state.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* What a reader accepts, and what it is given. */
struct look {
    const struct fence_state *fence;
    uint64_t limit_ms; /* the age that is too old */
    bool is_stale;     /* the answer says so */
    enum verdict hit;  /* if there is an answer */
    enum verdict why;  /* if there is none */
    uint64_t age_ms;
};

/* Whether a stored response may be given to this reader; if not, why. */
static bool is_servable(const struct stored_response *response, struct look *look)
{
    /* From the future: huge, so stale. */
    look->age_ms = clock_milliseconds() - response->label.requested_at;
    bool is_valid = response->label.generation == look->fence->generation;
    look->why = is_valid ? VERDICT_STALE : VERDICT_INVALIDATED;
    /* Of a chain it could not be said page by page. */
    return is_valid && look->age_ms < look->limit_ms &&
           !(look->is_stale && response->label.page_count > 0);
}

/* What tells a person that the answer is not what the origin says now (RFC 9111, 5.1; the warning
 * is RFC 7234's, 5.5.2). */
static bool append_stale_fields(struct buffer *head, uint64_t age_ms)
{
    char fields[128];
    int size = snprintf(fields, sizeof(fields),
                        "Age: %" PRIu64 "\r\nWarning: 111 vcache \"Revalidation Failed\"\r\n",
                        age_ms / 1000);
    return size > 0 && buffer_append(head, fields, (size_t)size);
}

/* Makes the lent response the answer; false if it is sealed and this process has no key. */
static bool answer_with(struct exchange *x, struct stored_response *response,
                        const struct look *look)
{
    if (response->label.page_count > 0)
        return page_answer_first(x, response);
    if (!response->label.is_sealed && !look->is_stale) {
        answer_lent(&x->answer, response, x->asked.closes);
        return true;
    }
    struct buffer head = {0}, body = {0};
    bool is_open = response->label.is_sealed
                       ? x->asked.session && session_unseal(x->asked.session, &x->asked.key,
                                                            response->body, &head, &body)
                       : buffer_append_span(&head, response->head) &&
                             buffer_append_span(&body, response->body);
    if (look->is_stale)
        is_open = is_open && append_stale_fields(&head, look->age_ms);
    is_open = is_open && lend_answer(x, buffer_span(&head), buffer_span(&body));
    store_release(response);
    buffer_wipe(&head);
    buffer_free(&head);
    buffer_wipe(&body);
    buffer_free(&body);
    return is_open;
}

/* One look into the store. */
static bool look_up(struct exchange *x, struct look *look)
{
    struct stored_response response = {0};
    bool is_mismatch = false;
    enum cache_status status = store_get(cache_of(x), &x->asked.key, &response, &is_mismatch);
    if (status != CACHE_OK) {
        look->why = status != CACHE_ABSENT ? VERDICT_NO_CACHE
                    : is_mismatch          ? VERDICT_MISMATCH
                                           : VERDICT_ABSENT;
        return false;
    }
    bool is_chain = response.label.page_count > 0;
    if (!is_servable(&response, look) || (is_chain && x->is_again)) {
        store_release(&response);
        return false;
    }
    uint64_t origin_us = response.label.origin_us;
    if (!answer_with(x, &response, look)) {
        look->why = is_chain ? VERDICT_NO_PAGES : VERDICT_ABSENT;
        return false;
    }
    report_hit(x, look->hit, look->age_ms, answer_body(&x->answer).size, origin_us);
    return true;
}

bool read_stale(struct exchange *x)
{
    const struct config *config = &x->context->config;
    struct fence_state fence = fence_read(cache_of(x), &x->endpoint);
    struct look look = {.fence = &fence,
                        .limit_ms = config_ttl_ms(config, span_of_text(x->asked.name)) +
                                    config->stale_if_error_ms,
                        .is_stale = true,
                        .hit = VERDICT_STALE_IF_ERROR};
    return !fence.is_fenced && look_up(x, &look);
}

/* Whether what look_up has just refused could serve if the origin fails. */
static bool may_serve_stale(const struct exchange *x, const struct look *look)
{
    return look->why == VERDICT_STALE &&
           look->age_ms < look->limit_ms + x->context->config.stale_if_error_ms;
}

/* A cached read. */
enum exchange_verdict decide_read(struct exchange *x)
{
    struct cache *cache = cache_of(x);
    struct fence_state fence;
    struct look look = {.fence = &fence,
                        .limit_ms = config_ttl_ms(&x->context->config, span_of_text(x->asked.name)),
                        .hit = VERDICT_HIT,
                        .why = VERDICT_TTL_ZERO};
    if (x->asked.session && session_is_changed(x->asked.actual))
        return decide_forward(x, VERDICT_SESSION);
    if (!asked_key(x))
        return decide_forward(x, VERDICT_NO_CACHE);
    fence = fence_read(cache, &x->endpoint);
    if (fence.is_fenced)
        return decide_forward(x, VERDICT_FENCED);
    if (look.limit_ms > 0 && look_up(x, &look))
        return EXCHANGE_ANSWER;
    if (x->is_again)
        return decide_forward(x, look.why);
    if (look.limit_ms > 0) {
        x->asked.has_stale = may_serve_stale(x, &look);
        /* Who asked before us may have stored in between. The state is read anew, for a write may
         * have been sent in between, too. */
        struct look again = look;
        bool may_be_stored = decide_claim(x);
        again.hit = VERDICT_COLLAPSED;
        fence = fence_read(cache, &x->endpoint);
        if (may_be_stored && !fence.is_fenced && look_up(x, &again)) {
            claim_release(cache, &x->asked.claim);
            return EXCHANGE_ANSWER;
        }
    }
    if (fence.is_fenced)
        return decide_forward(x, VERDICT_FENCED);
    asked_label(x, &fence);
    x->asked.keep = KEEP_RESPONSE;
    return decide_forward(x, look.why);
}
