/*
 * Holding back: a response that the program may not see as it comes, because another may take its
 * place, its names are to be replaced, or it is the answer to an errand. What is held back becomes
 * an answer in the end (answer.h), as it came or composed anew.
 */
#include "exchange/state.h"

#include <string.h>

/* By then the response of a property read in a session that has ended says so. */
enum { START_SIZE = 4096 };

enum hold hold_of(const struct exchange *x)
{
    if (x->asked.session && x->asked.actual != x->asked.session)
        return HOLD_ALL;
    bool may_be_replaced = x->asked.is_healable || x->asked.has_stale;
    return may_be_replaced || x->has_answered_interim ? HOLD_START : HOLD_NOTHING;
}

/* What stands in front of the origin says that it cannot be reached. */
static bool has_failed(const struct exchange *x)
{
    unsigned status = http_status(x->response);
    return status == 502 || status == 503 || status == 504;
}

/* Whether the beginning of the response, as far as it came, allows for showing it. */
static bool may_be_shown(const struct exchange *x)
{
    if (http_state_of(x->response) == HTTP_HEAD)
        return false;
    if (x->asked.has_stale && has_failed(x))
        return !http_body_is_kept(x->response);
    if (!x->asked.is_healable || !http_body_is_kept(x->response))
        return true;
    if (http_status(x->response) != 200)
        return http_status(x->response) != (asked_is_file(x) ? 401 : 500);
    bool is_read = x->asked.operation && x->asked.operation->class == OPERATION_PROPERTY_READ;
    bool is_coded = http_field(x->response, "Content-Encoding").data != NULL;
    if (!is_read)
        return true;
    struct span body = http_body(x->response);
    return !is_coded && body.size >= START_SIZE &&
           !span_contains(body, SPAN_OF("NotAuthenticated"));
}

/* As it came, but for an interim response that the program was given here before. */
static void show(struct exchange *x)
{
    size_t interim = x->has_answered_interim ? http_interim_size(x->response) : 0;
    if (interim > x->early.size)
        interim = x->early.size;
    x->has_answered_interim = false;
    if (interim > 0) {
        memmove(x->early.data, x->early.data + interim, x->early.size - interim);
        x->early.size -= interim;
    }
    answer_raw(&x->answer, &x->early);
    buffer_clear(&x->early);
    x->hold = HOLD_NOTHING;
}

/* Whether nothing can be sent after the response: the connection ends with it, or its end cannot be
 * told. An errand's request never asks for that. */
static bool ends_connection(const struct exchange *x)
{
    bool is_programs = x->phase != PHASE_ERRAND;
    return http_state_of(x->response) != HTTP_DONE || !http_keeps_alive(x->response) ||
           (is_programs && !http_keeps_alive(x->request));
}

/* The response is not for the program. The program's request, and what it has written
 * since, are what is sent next. What was held back before stays while it may have to be shown. */
static void go_on(struct exchange *x)
{
    if (x->late.size == 0 && lend_bound(x)) {
        buffer_clear(&x->early);
        x->hold = HOLD_NOTHING;
        exchange_end(x, false);
        return;
    }
    x->needs_connection = ends_connection(x);
    http_restart(x->response, x->phase == PHASE_ERRAND);
    x->phase = errand_next(x);
    x->hold = hold_of(x);
    x->is_due = true;
    if (x->phase == PHASE_AWAITING && !x->needs_connection)
        buffer_clear(&x->early);
    if (x->phase != PHASE_AWAITING || x->late.size == 0)
        return;
    buffer_append_span(&x->held, buffer_span(&x->late));
    buffer_clear(&x->late);
    exchange_go_blind(x, VERDICT_PIPELINED);
}

/* The response is whole, and the program has seen nothing of it. */
static void end_whole(struct exchange *x)
{
    if (errand_heals(x)) {
        go_on(x);
        return;
    }
    bool is_replaced = x->asked.has_stale && has_failed(x) && read_stale(x);
    if (is_replaced || compose_answer(x)) {
        buffer_clear(&x->early);
        x->hold = HOLD_NOTHING;
    } else {
        show(x);
    }
    exchange_end(x, true);
}

static void look(struct exchange *x)
{
    enum http_state state = http_state_of(x->response);
    if (state == HTTP_BROKEN) {
        show(x);
        exchange_go_blind(x, VERDICT_UNREADABLE);
    } else if (state == HTTP_DONE) {
        end_whole(x);
    } else if (x->hold == HOLD_ALL ? !http_body_is_kept(x->response) : may_be_shown(x)) {
        show(x);
    }
}

/* ---- errands ------------------------------------------------------------------------------- */

/* The session could not be healed: the program sees what the origin said to it, and that the
 * connection ends with it if that was so, though it may be a new one by now. */
static void give_up_healing(struct exchange *x)
{
    x->phase = PHASE_AWAITING;
    x->asked.actual = x->asked.ended;
    http_restart(x->response, true);
    http_feed(x->response, x->early.data, x->early.size);
    http_feed_end(x->response);
    bool closes = ends_connection(x);
    look(x);
    x->answer.closes = closes;
}

/* Its response is whole, or cannot be read. */
static void end_errand(struct exchange *x)
{
    bool goes_on = http_state_of(x->response) == HTTP_DONE && errand_learn(x);
    bool is_healing = x->early.size > 0;
    errand_end(x);
    if (!goes_on && is_healing)
        give_up_healing(x);
    else
        go_on(x);
}

/* There is no connection to go on over. */
static void give_up(struct exchange *x)
{
    x->needs_connection = false;
    buffer_clear(&x->late);
    errand_end(x);
    if (x->early.size > 0)
        give_up_healing(x);
    else
        exchange_end(x, false);
}

static void feed_errand(struct exchange *x, const void *bytes, size_t size)
{
    http_feed(x->response, bytes, size);
    enum http_state state = http_state_of(x->response);
    if (state == HTTP_DONE || state == HTTP_BROKEN)
        end_errand(x);
}

/* ---- what comes ---------------------------------------------------------------------------- */

void hold_feed(struct exchange *x, const void *bytes, size_t size)
{
    if (x->phase == PHASE_ERRAND) {
        feed_errand(x, bytes, size);
        return;
    }
    buffer_append(&x->early, bytes, size);
    http_feed(x->response, bytes, size);
    look(x);
}

/* The program's own response breaks off. */
static void end_broken(struct exchange *x)
{
    if (x->asked.has_stale && read_stale(x))
        buffer_clear(&x->early);
    else
        show(x);
    x->hold = HOLD_NOTHING;
    exchange_end(x, false);
}

void hold_feed_end(struct exchange *x, bool is_clean)
{
    if (is_clean)
        http_feed_end(x->response);
    bool is_whole = is_clean && http_state_of(x->response) == HTTP_DONE;
    bool is_errand = x->phase == PHASE_ERRAND;
    if (x->needs_connection || (is_errand && !is_whole))
        give_up(x);
    else if (is_errand)
        end_errand(x);
    else if (is_whole)
        end_whole(x);
    else
        end_broken(x);
}
