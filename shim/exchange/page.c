/* Pages: what is decided and kept of a read that is answered in several. */
#include "exchange/state.h"

#include "base/clock.h"
#include "exchange/open_chain.h"

#include <string.h>

static struct chain_owner owner_of(const struct exchange *x)
{
    return (struct chain_owner){x->endpoint, x->trust, x->asked.principal};
}

/* The origin's tokens are good in one session, at one property collector. A session stays where it
 * is (session.h); of one that this process does not know, the exchange has the cookie. */
static uint64_t scope_of(const struct exchange *x)
{
    struct buffer scope = {0};
    const uintptr_t session = (uintptr_t)x->asked.actual;
    buffer_append(&scope, &session, sizeof(session));
    if (!session)
        buffer_append_sized(&scope, buffer_span(&x->cookie));
    buffer_append_sized(&scope, buffer_span(&x->soap.self));
    uint64_t digest = key_checksum(scope.data, scope.size);
    buffer_wipe(&scope);
    buffer_free(&scope);
    return digest;
}

/* ---- asked ------------------------------------------------------------------------------------
 */

/* Whatever became of the chain in the store: it is one read, as of its first page. */
static bool answer_next(struct exchange *x, const struct chain_owner *owner, struct span token)
{
    struct open_page page;
    uint64_t now = clock_milliseconds();
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    if (!open_chain_read(owner, token, now, &x->answer.head, &x->answer.body, &page))
        return false;
    answer_own(&x->answer, x->asked.closes);
    report_hit(x, VERDICT_NEXT_PAGE, now - page.requested_at, answer_body(&x->answer).size,
               page.origin_us);
    return true;
}

static bool answer_cancel(struct exchange *x, const struct chain_owner *owner, struct span token)
{
    if (!open_chain_give_up(owner, token, clock_milliseconds()) ||
        !answer_empty_response(&x->answer, "CancelRetrievePropertiesExResponse", x->asked.closes))
        return false;
    report_hit(x, VERDICT_PAGES_KEPT, 0, answer_body(&x->answer).size, 0);
    return true;
}

enum exchange_verdict page_decide(struct exchange *x)
{
    struct chain_owner owner = owner_of(x);
    struct span token = buffer_span(&x->soap.token);
    bool gives_up = strcmp(x->asked.name, "CancelRetrievePropertiesEx") == 0;
    if (gives_up ? answer_cancel(x, &owner, token) : answer_next(x, &owner, token))
        return EXCHANGE_ANSWER;
    struct recording *recording = recording_take(&owner, scope_of(x), token, clock_milliseconds());
    /* In the middle of it the session has become another user's, or speaks another language. */
    bool is_changed = x->asked.actual && session_is_changed(x->asked.actual);
    if (gives_up || is_changed) {
        recording_free(recording);
    } else if (recording) {
        x->asked.recording = recording;
        x->asked.key = recording->key;
        x->asked.label = recording->label;
        x->asked.keep = KEEP_PAGE;
    }
    return decide_forward(x, VERDICT_PAGE);
}

/* ---- answered from the store ------------------------------------------------------------------
 */

/* Reads the first page, and opens the chain for those behind it. */
static bool open_first(const struct exchange *x, const struct store_label *label, struct span chain,
                       struct chain_page *first)
{
    struct chain_owner owner = owner_of(x);
    return chain_is_sound(chain, label->page_count) && chain_next(&chain, first) &&
           open_chain_begin(&owner, chain, label->requested_at, clock_milliseconds());
}

static bool answer_sealed(struct exchange *x, const struct stored_response *chain)
{
    struct chain_page first;
    struct buffer opened = {0};
    buffer_clear(&x->answer.head);
    buffer_clear(&x->answer.body);
    bool is_open =
        x->asked.session &&
        session_unseal(x->asked.session, &x->asked.key, chain->body, &x->answer.head, &opened) &&
        open_first(x, &chain->label, buffer_span(&opened), &first) &&
        buffer_append_span(&x->answer.head, first.head) &&
        buffer_append_span(&x->answer.body, first.body);
    buffer_wipe(&opened);
    buffer_free(&opened);
    return is_open;
}

bool page_answer_first(struct exchange *x, struct stored_response *chain)
{
    struct chain_page first;
    if (chain->label.is_sealed && answer_sealed(x, chain)) {
        store_release(chain);
        answer_own(&x->answer, x->asked.closes);
        return true;
    }
    if (!chain->label.is_sealed && open_first(x, &chain->label, chain->body, &first)) {
        chain->head = first.head;
        chain->body = first.body;
        answer_lent(&x->answer, chain, x->asked.closes);
        return true;
    }
    store_release(chain);
    return false;
}

/* ---- kept -------------------------------------------------------------------------------------
 */

/* The body with another token; what was there is what `soap` found. */
static bool rename_token(struct span body, const struct soap_response *soap, struct span token,
                         struct buffer *renamed)
{
    size_t behind = soap->token_at + soap->token_size;
    return buffer_append(renamed, body.data, soap->token_at) &&
           buffer_append_span(renamed, token) &&
           buffer_append(renamed, body.data + behind, body.size - behind);
}

/* Adds the page to the recording. */
static enum verdict record(struct exchange *x, const struct soap_response *soap, struct span body)
{
    char text[RECORDING_TOKEN_SIZE];
    struct recording *recording = x->asked.recording;
    struct span token = recording_token(recording, recording->page_count + 1, text);
    struct buffer renamed = {0};
    struct buffer head = {0};
    size_t limit = store_size_limit(x->context->cache);
    bool is_done = !soap->has_token || rename_token(body, soap, token, &renamed);
    if (soap->has_token)
        body = buffer_span(&renamed);
    is_done = is_done && compose_head(x->response, SPAN_OF("HTTP/1.1 200 OK"), body.size, &head) &&
              recording_add(recording, buffer_span(&head), body, x->asked.label.origin_us);
    buffer_wipe(&renamed);
    buffer_free(&renamed);
    buffer_wipe(&head);
    buffer_free(&head);
    if (!is_done)
        return VERDICT_NOT_ROOM;
    return recording->chain.size > (limit < CHAIN_LIMIT ? limit : CHAIN_LIMIT) ? VERDICT_NOT_SIZE
                                                                               : VERDICT_RECORDED;
}

static enum verdict store_chain(struct exchange *x)
{
    const struct recording *recording = x->asked.recording;
    x->asked.label = recording->label;
    x->asked.label.page_count = recording->page_count;
    return keep_stored(x, (struct span){0}, buffer_span(&recording->chain));
}

enum verdict page_keep(struct exchange *x, const struct soap_response *soap, struct span body)
{
    struct span token = buffer_span(&soap->token);
    if (soap->has_token && (token.size == 0 || soap->token_size == 0))
        return VERDICT_NOT_TOKEN;
    if (!x->asked.recording) {
        struct chain_owner owner = owner_of(x);
        x->asked.recording = recording_new(&owner, scope_of(x), &x->asked.key, &x->asked.label);
    }
    enum verdict verdict = x->asked.recording ? record(x, soap, body) : VERDICT_NOT_ROOM;
    if (verdict != VERDICT_RECORDED)
        return verdict;
    if (!soap->has_token)
        return store_chain(x);
    if (!recording_put(x->asked.recording, token, clock_milliseconds()))
        return VERDICT_NOT_ROOM;
    x->asked.recording = NULL;
    return VERDICT_RECORDED;
}
