/* The records that sessions are lent by: see session.h. */
#include "cache/session_parts.h"

#include "base/clock.h"

#include <string.h>

enum {
    RECORD_FORMAT = 1,
    TOUCH_INTERVAL_MS = 30000,
    TRIES = 3, /* to change a record that others change at the same time */
};

/* What a record in RECORDS_SESSIONS begins with; the sealed part follows. */
struct session_record {
    uint32_t format;
    uint32_t was_lent; /* 1: another process may be in it */
    struct session_info info;
    struct record_key cookie; /* a keyed digest: tells one session of the principal from the next */
};

static bool record_read(struct span value, struct session_record *record, struct span *sealed)
{
    if (value.size < sizeof(*record))
        return false;
    memcpy(record, value.data, sizeof(*record));
    *sealed = (struct span){value.data + sizeof(*record), value.size - sizeof(*record)};
    return record->format == RECORD_FORMAT;
}

/* ---- borrowed ------------------------------------------------------------------------------ */

/* Makes the session of an unsealed record known, and appends its Login's response. */
static struct session *take_record(struct session *login, struct span plain, struct buffer *head,
                                   struct buffer *body)
{
    struct span cookie, session_key, head_part, body_part;
    if (!span_take_sized(&plain, &cookie) || !span_take_sized(&plain, &session_key) ||
        !span_take_sized(&plain, &head_part) || !span_take_sized(&plain, &body_part))
        return NULL;
    if (!buffer_append_span(head, head_part) || !buffer_append_span(body, body_part))
        return NULL;
    session_lock();
    struct session *session = session_with(login, cookie, session_key);
    if (session) {
        /* Known before: this process has opened it, or was lent it once already. */
        session->is_borrowed |= session->holders == 0 && !session->is_shared;
        session->is_shared = true;
    }
    session_unlock();
    return session;
}

/* The record of the credentials' session, if it did not idle for longer than that. */
static enum cache_status live_record(struct cache *cache, const struct session *login,
                                     uint64_t idle_ms, struct buffer *value,
                                     struct session_record *record, struct span *sealed)
{
    enum cache_status status = record_get(cache, RECORDS_SESSIONS, &login->id, value);
    if (status != CACHE_OK)
        return status;
    if (!record_read(buffer_span(value), record, sealed) ||
        clock_milliseconds() - record->info.used_at > idle_ms)
        return CACHE_ABSENT;
    return CACHE_OK;
}

/* Who opened it must know that it was lent. False: the record is not what it was. A store that
 * nobody can write to now is no reason to lend nothing. */
static bool note_lent(struct cache *cache, const struct session *session, struct span value,
                      const struct session_record *record)
{
    struct session_record lent = *record;
    struct buffer after = {0};
    enum cache_status status = CACHE_OK;
    lent.was_lent = 1;
    if (!record->was_lent && buffer_append(&after, &lent, sizeof(lent)) &&
        buffer_append(&after, value.data + sizeof(lent), value.size - sizeof(lent)))
        status = record_replace(cache, RECORDS_SESSIONS, &session->id, value, buffer_span(&after));
    buffer_free(&after);
    return status != CACHE_ABSENT;
}

static enum cache_status try_to_borrow(struct cache *cache, struct session *login, uint64_t idle_ms,
                                       struct session **session, struct buffer *head,
                                       struct buffer *body, bool *is_changed)
{
    struct buffer value = {0};
    struct buffer plain = {0};
    struct session_record record;
    struct span sealed;
    *session = NULL;
    *is_changed = false;
    enum cache_status status = live_record(cache, login, idle_ms, &value, &record, &sealed);
    if (status == CACHE_OK && seal_open(&login->key, SPAN_OF_OBJECT(login->id), sealed, &plain))
        *session = take_record(login, buffer_span(&plain), head, body);
    if (*session && session_is_borrowed(*session))
        *is_changed = !note_lent(cache, *session, buffer_span(&value), &record);
    if (status == CACHE_OK && (!*session || *is_changed))
        status = CACHE_ABSENT;
    buffer_wipe(&plain);
    buffer_free(&plain);
    buffer_free(&value);
    return status;
}

static enum cache_status borrow(struct cache *cache, struct session *login, uint64_t idle_ms,
                                struct session **session, struct buffer *head, struct buffer *body)
{
    enum cache_status status = CACHE_ABSENT;
    bool is_changed = true;
    size_t head_size = head->size, body_size = body->size;
    for (int tries = 0; is_changed && tries < TRIES; tries++) {
        head->size = head_size;
        body->size = body_size;
        status = try_to_borrow(cache, login, idle_ms, session, head, body, &is_changed);
    }
    return status;
}

enum cache_status session_borrow(struct cache *cache, struct session *login, uint64_t idle_ms,
                                 struct session **session, struct buffer *head, struct buffer *body)
{
    enum cache_status status = borrow(cache, login, idle_ms, session, head, body);
    if (status != CACHE_OK)
        return status;
    session_lock();
    *session = session_free_name(*session);
    if (*session)
        (*session)->holders++;
    session_unlock();
    return *session ? CACHE_OK : CACHE_ABSENT;
}

enum cache_status session_adopt(struct cache *cache, struct session *login, uint64_t idle_ms,
                                struct session **session)
{
    struct buffer head = {0};
    struct buffer body = {0};
    enum cache_status status = borrow(cache, login, idle_ms, session, &head, &body);
    buffer_wipe(&head);
    buffer_free(&head);
    buffer_wipe(&body);
    buffer_free(&body);
    return status;
}

/* ---- opened -------------------------------------------------------------------------------- */

static bool write_record(struct session *session, const struct record_key *cookie,
                         struct span plain, struct buffer *value)
{
    struct session_record record = {.format = RECORD_FORMAT, .cookie = *cookie};
    uint64_t now = clock_milliseconds();
    record.info.endpoint = session->endpoint;
    record.info.principal = session->principal;
    record.info.opened_at = now;
    record.info.used_at = now;
    memcpy(record.info.user, session->user, sizeof(record.info.user));
    return buffer_append(value, &record, sizeof(record)) &&
           seal_close(&session->key, SPAN_OF_OBJECT(session->id), plain, value);
}

/* Writes the record and what tells whose the cookie is. */
static enum cache_status publish(struct cache *cache, struct session *session, struct span head,
                                 struct span body)
{
    struct record_key id;
    struct buffer plain = {0};
    struct buffer value = {0};
    struct span cookie = span_of_short(&session->cookie);
    enum cache_status status = CACHE_UNAVAILABLE;
    if (principal_identify(cache, &session->endpoint, &session->trust, cookie, &id) &&
        buffer_append_sized(&plain, cookie) &&
        buffer_append_sized(&plain, span_of_short(&session->session_key)) &&
        buffer_append_sized(&plain, head) && buffer_append_sized(&plain, body) &&
        write_record(session, &id, buffer_span(&plain), &value)) {
        principal_remember(cache, session, &id);
        status = record_put(cache, RECORDS_SESSIONS, &session->id, buffer_span(&value));
    }
    buffer_wipe(&plain);
    buffer_free(&plain);
    buffer_free(&value);
    return status;
}

static struct session *open_session(struct session *login, const struct session_opened *opened)
{
    session_lock();
    struct session *session = session_with(login, opened->cookie, opened->key);
    if (session) {
        session->holders += opened->is_told;
        session->touched_at = clock_milliseconds();
    }
    session_unlock();
    return session;
}

struct session *session_open_private(struct session *login, const struct session_opened *opened)
{
    struct session *session = open_session(login, opened);
    if (session) {
        session_lock();
        session->is_private = true;
        session_unlock();
    }
    return session;
}

enum cache_status session_store(struct cache *cache, struct session *login, uint64_t idle_ms,
                                const struct session_opened *opened, struct session **session,
                                bool *is_lent)
{
    struct buffer value = {0};
    struct session_record record;
    struct span sealed;
    *is_lent = false;
    *session = open_session(login, opened);
    if (!*session)
        return CACHE_UNAVAILABLE;
    /* Somebody was quicker, and his session may be in use: ours stays our own. */
    enum cache_status status = live_record(cache, login, idle_ms, &value, &record, &sealed);
    if (status == CACHE_ABSENT) {
        status = publish(cache, *session, opened->head, opened->body);
        *is_lent = status == CACHE_OK;
    }
    buffer_free(&value);
    session_lock();
    (*session)->is_shared |= *is_lent;
    session_unlock();
    return status;
}

/* ---- used, and withdrawn ------------------------------------------------------------------- */

/* The stored record, if it is still of this very session: another login may have replaced it. */
static bool own_record(struct cache *cache, const struct session *session, struct buffer *value)
{
    struct session_record record;
    struct record_key id;
    struct span sealed;
    return principal_identify(cache, &session->endpoint, &session->trust,
                              span_of_short(&session->cookie), &id) &&
           record_get(cache, RECORDS_SESSIONS, &session->id, value) == CACHE_OK &&
           record_read(buffer_span(value), &record, &sealed) &&
           memcmp(&record.cookie, &id, sizeof(id)) == 0;
}

void session_touch(struct cache *cache, struct session *session)
{
    uint64_t now = clock_milliseconds();
    session_lock();
    bool is_due = session->is_shared && now - session->touched_at >= TOUCH_INTERVAL_MS;
    if (is_due)
        session->touched_at = now;
    session_unlock();
    if (!is_due)
        return;
    struct buffer value = {0}, after = {0};
    if (own_record(cache, session, &value) && buffer_append_span(&after, buffer_span(&value))) {
        memcpy(after.data + offsetof(struct session_record, info.used_at), &now, sizeof(now));
        record_replace(cache, RECORDS_SESSIONS, &session->id, buffer_span(&value),
                       buffer_span(&after));
    }
    buffer_free(&value);
    buffer_free(&after);
}

/* Removes the record, unless it is another session's by now: between a look and the deed, who
 * healed the same session may have stored its heir. CACHE_ABSENT: the record has changed meanwhile.
 */
static enum cache_status try_to_remove(struct cache *cache, const struct session *session,
                                       bool is_if_never_lent)
{
    struct buffer value = {0};
    struct session_record record;
    struct span sealed;
    const struct span nothing = {0};
    enum cache_status status = CACHE_UNAVAILABLE;
    if (own_record(cache, session, &value) && record_read(buffer_span(&value), &record, &sealed) &&
        !(is_if_never_lent && record.was_lent))
        status =
            record_replace(cache, RECORDS_SESSIONS, &session->id, buffer_span(&value), nothing);
    if (status == CACHE_OK)
        session_bound_remove(cache, session->id, &record.cookie);
    buffer_free(&value);
    return status;
}

static bool remove_record(struct cache *cache, struct session *session, bool is_if_never_lent)
{
    enum cache_status status = CACHE_ABSENT;
    for (int tries = 0; status == CACHE_ABSENT && tries < TRIES; tries++)
        status = try_to_remove(cache, session, is_if_never_lent);
    return status == CACHE_OK;
}

static void end_lending(struct session *session)
{
    session_lock();
    session->is_shared = false;
    session_unlock();
}

void session_withdraw(struct cache *cache, struct session *session)
{
    remove_record(cache, session, false);
    end_lending(session);
}

bool session_take_back(struct cache *cache, struct session *session)
{
    bool is_removed = remove_record(cache, session, true);
    if (is_removed)
        end_lending(session);
    return is_removed;
}

void session_make_private(struct cache *cache, struct session *session)
{
    session_withdraw(cache, session);
    session_lock();
    session->is_private = true;
    session_unlock();
}

void session_change(struct cache *cache, struct session *session)
{
    session_withdraw(cache, session);
    /* Who is handed its cookie is not the login's principal any more, either. */
    principal_change(cache, &session->endpoint, &session->trust, span_of_short(&session->cookie));
    session_lock();
    session->is_changed = true;
    session_unlock();
}

/* ---- for the tools ------------------------------------------------------------------------- */

struct sweep {
    struct cache *cache;
    session_visitor *visit;
    void *closure;
    struct buffer chosen; /* record keys of the sessions that go */
};

static bool sweep_visit(const struct record_key *key, struct span value, void *closure)
{
    struct sweep *sweep = closure;
    struct session_record record;
    struct span sealed;
    if (!record_read(value, &record, &sealed))
        return true;
    record.info.endpoint.name[sizeof(record.info.endpoint.name) - 1] = '\0';
    record.info.user[sizeof(record.info.user) - 1] = '\0';
    if (!sweep->visit(&record.info, sweep->closure))
        return false;
    buffer_append(&sweep->chosen, key, sizeof(*key));
    return true;
}

enum cache_status session_sweep(struct cache *cache, session_visitor *visit, void *closure,
                                bool is_dry, uint64_t *removed)
{
    struct sweep sweep = {.cache = cache, .visit = visit, .closure = closure};
    enum cache_status status =
        record_sweep(cache, RECORDS_SESSIONS, sweep_visit, &sweep, is_dry, removed);
    for (size_t at = 0; !is_dry && at + sizeof(struct record_key) <= sweep.chosen.size;
         at += sizeof(struct record_key)) {
        struct record_key id;
        memcpy(&id, sweep.chosen.data + at, sizeof(id));
        session_bound_remove(cache, id, NULL);
    }
    buffer_free(&sweep.chosen);
    return status;
}
