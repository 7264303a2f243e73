/* What is bound to a session, and lives and dies with it: see session.h. */
#include "cache/session_parts.h"

#include <string.h>

/* What a record in RECORDS_BOUND begins with. */
struct bound_record {
    struct record_key login;  /* of the session's record */
    struct record_key cookie; /* tells one session of that login from the next, as there */
};

bool session_is_spoken_of(const struct session *session, struct span text)
{
    return (session->cookie.size > 0 && span_contains(text, span_of_short(&session->cookie))) ||
           (session->session_key.size > 0 &&
            span_contains(text, span_of_short(&session->session_key)));
}

bool session_seal(const struct session *session, const struct cache_key *key, struct span head,
                  struct span body, struct buffer *sealed)
{
    struct buffer plain = {0};
    bool is_done = buffer_append_sized(&plain, head) && buffer_append_sized(&plain, body) &&
                   seal_close(&session->key, SPAN_OF_OBJECT(key->id), buffer_span(&plain), sealed);
    buffer_wipe(&plain);
    buffer_free(&plain);
    return is_done;
}

bool session_unseal(const struct session *session, const struct cache_key *key, struct span sealed,
                    struct buffer *head, struct buffer *body)
{
    struct buffer plain = {0};
    struct span rest, head_part, body_part;
    bool is_done = seal_open(&session->key, SPAN_OF_OBJECT(key->id), sealed, &plain);
    rest = buffer_span(&plain);
    is_done = is_done && span_take_sized(&rest, &head_part) && span_take_sized(&rest, &body_part) &&
              buffer_append_span(head, head_part) && buffer_append_span(body, body_part);
    buffer_wipe(&plain);
    buffer_free(&plain);
    return is_done;
}

/* A bound record is found only with the session's own cookie: the next session has others. */
static bool identify_bound(struct cache *cache, const struct session *session,
                           const struct cache_key *key, struct record_key *id)
{
    const struct span parts[] = {SPAN_OF_OBJECT(session->id), span_of_short(&session->cookie),
                                 SPAN_OF_OBJECT(key->id)};
    return session_identify_record(cache, "bound", parts, 3, id);
}

enum cache_status session_bound_get(struct cache *cache, struct session *session,
                                    const struct cache_key *key, struct buffer *head,
                                    struct buffer *body)
{
    struct record_key id;
    struct buffer value = {0};
    if (!identify_bound(cache, session, key, &id))
        return CACHE_UNAVAILABLE;
    enum cache_status status = record_get(cache, RECORDS_BOUND, &id, &value);
    if (status == CACHE_OK) {
        bool is_whole = value.size > sizeof(struct bound_record);
        struct span sealed = {0};
        if (is_whole)
            sealed = (struct span){value.data + sizeof(struct bound_record),
                                   value.size - sizeof(struct bound_record)};
        if (!is_whole || !session_unseal(session, key, sealed, head, body))
            status = CACHE_ABSENT;
    }
    buffer_free(&value);
    return status;
}

enum cache_status session_bound_put(struct cache *cache, struct session *session,
                                    const struct cache_key *key, struct span head, struct span body)
{
    struct record_key id;
    struct buffer value = {0};
    struct bound_record bound = {.login = session->id};
    enum cache_status status = CACHE_UNAVAILABLE;
    if (identify_bound(cache, session, key, &id) &&
        principal_identify(cache, &session->endpoint, &session->trust,
                           span_of_short(&session->cookie), &bound.cookie) &&
        buffer_append(&value, &bound, sizeof(bound)) &&
        session_seal(session, key, head, body, &value))
        status = record_put(cache, RECORDS_BOUND, &id, buffer_span(&value));
    buffer_free(&value);
    return status;
}

struct whose {
    const struct record_key *login;
    const struct record_key *cookie;
};

static bool is_bound_to(const struct record_key *key, struct span value, void *closure)
{
    (void)key;
    const struct whose *whose = closure;
    struct bound_record bound;
    if (value.size < sizeof(bound))
        return false;
    memcpy(&bound, value.data, sizeof(bound));
    return memcmp(&bound.login, whose->login, sizeof(bound.login)) == 0 &&
           (!whose->cookie || memcmp(&bound.cookie, whose->cookie, sizeof(bound.cookie)) == 0);
}

void session_bound_remove(struct cache *cache, struct record_key login,
                          const struct record_key *cookie)
{
    uint64_t removed = 0;
    struct whose whose = {&login, cookie};
    record_sweep(cache, RECORDS_BOUND, is_bound_to, &whose, false, &removed);
}
