/* Principals: whose a cookie is, and how his name is. See session.h. */
#include "cache/session_parts.h"

#include <string.h>
#include <sys/random.h>

/* Values of RECORDS_PRINCIPALS begin with their kind. */
enum { KIND_USER = 'u', KIND_PRINCIPAL = 'p' };

bool principal_identify(struct cache *cache, const struct endpoint *endpoint,
                        const struct trust *trust, struct span cookie, struct record_key *id)
{
    const struct span parts[] = {span_of_text(endpoint->name), SPAN_OF_OBJECT(trust->digest),
                                 cookie};
    return session_identify_record(cache, "cookie", parts, 3, id);
}

struct span cookie_token(struct span field)
{
    static const char name[] = "vmware_soap_session=";
    const uint8_t *at = field.size ? memmem(field.data, field.size, name, sizeof(name) - 1) : NULL;
    if (!at)
        return (struct span){0};
    const uint8_t *value = at + sizeof(name) - 1;
    const uint8_t *end = field.data + field.size;
    if (value < end && *value == '"') {
        value++;
        const uint8_t *quote = memchr(value, '"', (size_t)(end - value));
        return (struct span){value, (size_t)((quote ? quote : end) - value)};
    }
    const uint8_t *semicolon = memchr(value, ';', (size_t)(end - value));
    return span_trimmed((struct span){value, (size_t)((semicolon ? semicolon : end) - value)});
}

bool principal_of_cookie(struct cache *cache, const struct endpoint *endpoint,
                         const struct trust *trust, struct span cookie, struct principal *principal)
{
    *principal = (struct principal){0};
    if (cookie.size == 0)
        return true;
    struct record_key id;
    if (!principal_identify(cache, endpoint, trust, cookie, &id))
        return false;
    struct buffer value = {0};
    bool is_known = record_get(cache, RECORDS_PRINCIPALS, &id, &value) == CACHE_OK &&
                    value.size == 1 + sizeof(*principal) && value.data[0] == KIND_PRINCIPAL;
    memcpy(principal->id, is_known ? value.data + 1 : id.id, sizeof(principal->id));
    buffer_free(&value);
    return true;
}

void principal_user(struct cache *cache, const struct principal *principal,
                    char user[SESSION_USER_SIZE])
{
    struct record_key id;
    struct buffer value = {0};
    memcpy(id.id, principal->id, sizeof(id.id));
    user[0] = '\0';
    if (record_get(cache, RECORDS_PRINCIPALS, &id, &value) == CACHE_OK && value.size > 1 &&
        value.size <= SESSION_USER_SIZE && value.data[0] == KIND_USER) {
        memcpy(user, value.data + 1, value.size - 1);
        user[value.size - 1] = '\0';
    }
    buffer_free(&value);
}

static void put_principal(struct cache *cache, const struct record_key *cookie,
                          const uint8_t principal[16])
{
    struct buffer value = {0};
    uint8_t kind = KIND_PRINCIPAL;
    if (buffer_append(&value, &kind, 1) && buffer_append(&value, principal, 16))
        record_put(cache, RECORDS_PRINCIPALS, cookie, buffer_span(&value));
    buffer_free(&value);
}

void principal_change(struct cache *cache, const struct endpoint *endpoint,
                      const struct trust *trust, struct span cookie)
{
    struct record_key id;
    uint8_t fresh[16];
    if (cookie.size > 0 && principal_identify(cache, endpoint, trust, cookie, &id) &&
        getrandom(fresh, sizeof(fresh), GRND_NONBLOCK) == (ssize_t)sizeof(fresh))
        put_principal(cache, &id, fresh);
}

void principal_remember(struct cache *cache, const struct session *session,
                        const struct record_key *cookie)
{
    struct buffer value = {0};
    uint8_t kind = KIND_USER;
    struct record_key id;
    memcpy(id.id, session->principal.id, sizeof(id.id));
    if (buffer_append(&value, &kind, 1) && buffer_append_text(&value, session->user))
        record_put(cache, RECORDS_PRINCIPALS, &id, buffer_span(&value));
    buffer_free(&value);
    put_principal(cache, cookie, id.id);
}
