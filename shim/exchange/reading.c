/* Reads: answered from the store, or forwarded and stored. */
#include "exchange/state.h"

#include "base/clock.h"

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
    struct buffer head = {0}, body = {0};
    bool is_open = x->asked.session &&
                   session_unseal(x->asked.session, &x->asked.key, response->body, &head, &body) &&
                   lend_answer(x, buffer_span(&head), buffer_span(&body));
    store_release(response);
    buffer_wipe(&head);
    buffer_free(&head);
    buffer_wipe(&body);
    buffer_free(&body);
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

/* A cached read. */
enum exchange_verdict decide_read(struct exchange *x)
{
    struct cache *cache = cache_of(x);
    enum verdict why = VERDICT_TTL_ZERO;
    uint64_t ttl_ms = config_ttl_ms(&x->context->config, span_of_text(x->asked.name));
    if (x->asked.session && session_is_changed(x->asked.actual))
        return decide_forward(x, VERDICT_SESSION);
    if (!asked_key(x))
        return decide_forward(x, VERDICT_NO_CACHE);
    struct fence_state fence = fence_read(cache, &x->endpoint);
    if (fence.is_fenced)
        return decide_forward(x, VERDICT_FENCED);
    if (ttl_ms > 0) {
        if (look_up(x, &fence, ttl_ms, VERDICT_HIT, &why))
            return EXCHANGE_ANSWER;
        /* Who asked before us may have stored in between. The state is read anew, for a write may
         * have been sent in between, too. */
        bool may_be_stored = decide_claim(x);
        fence = fence_read(cache, &x->endpoint);
        if (may_be_stored && !fence.is_fenced &&
            look_up(x, &fence, ttl_ms, VERDICT_COLLAPSED, &(enum verdict){0})) {
            claim_release(cache, &x->asked.claim);
            return EXCHANGE_ANSWER;
        }
    }
    if (fence.is_fenced)
        return decide_forward(x, VERDICT_FENCED);
    asked_label(x, &fence);
    x->asked.keep = KEEP_RESPONSE;
    return decide_forward(x, why);
}
