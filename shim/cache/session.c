/* Sessions: see session.h. */
#include "cache/session.h"

#include "base/clock.h"
#include "cache/records.h"
#include "cache/seal.h"
#include "cache/session_parts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

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

/* What a record in RECORDS_BOUND begins with. */
struct bound_record {
    struct record_key session;
};

/* The sessions of this process. The lock guards the list and every session's changing fields. */
static struct {
    pthread_mutex_t lock;
    struct session *first;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

void session_lock(void)
{
    pthread_mutex_lock(&known.lock);
}

void session_unlock(void)
{
    pthread_mutex_unlock(&known.lock);
}

static void guard_fork(void)
{
    pthread_atfork(session_lock, session_unlock, session_unlock);
}

__attribute__((destructor)) static void wipe_at_exit(void)
{
    if (pthread_mutex_trylock(&known.lock) != 0)
        return;
    for (struct session *s = known.first; s; s = s->next) {
        explicit_bzero(&s->key, sizeof(s->key));
        explicit_bzero(&s->cookie, sizeof(s->cookie));
        explicit_bzero(&s->session_key, sizeof(s->session_key));
        explicit_bzero(&s->login_body, sizeof(s->login_body));
    }
    session_unlock();
}

/* ---- small things -------------------------------------------------------------------------- */

#define SPAN_OF_OBJECT(object) ((struct span){(const uint8_t *)&(object), sizeof(object)})

static struct span span_of_endpoint(const struct endpoint *endpoint)
{
    return span_of_text(endpoint->name);
}

static bool text_set(struct text *text, struct span value)
{
    if (value.size > sizeof(text->bytes))
        return false;
    memcpy(text->bytes, value.data, value.size);
    text->size = value.size;
    return true;
}

static bool take_sized(struct span *from, struct span *part)
{
    uint64_t size;
    if (from->size < sizeof(size))
        return false;
    memcpy(&size, from->data, sizeof(size));
    if (size > from->size - sizeof(size))
        return false;
    *part = (struct span){from->data + sizeof(size), (size_t)size};
    from->data += sizeof(size) + size;
    from->size -= sizeof(size) + (size_t)size;
    return true;
}

static bool identify(struct cache *cache, const char *label, const struct span *parts, size_t count,
                     struct record_key *id)
{
    const struct cache_secret *secret = cache_secret(cache);
    return secret && seal_identify(secret->master, label, parts, count, id->id);
}

static bool identify_cookie(struct cache *cache, const struct endpoint *endpoint,
                            const struct trust *trust, struct span cookie, struct record_key *id)
{
    const struct span parts[] = {span_of_endpoint(endpoint), SPAN_OF_OBJECT(trust->digest), cookie};
    return identify(cache, "cookie", parts, 3, id);
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

/* ---- who ----------------------------------------------------------------------------------- */

/* Memory for a session: locked, and left out of core dumps, as far as the system permits. */
static struct session *session_allocate(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard_fork);
    void *memory = mmap(NULL, sizeof(struct session), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    mlock(memory, sizeof(struct session));
    madvise(memory, sizeof(struct session), MADV_DONTDUMP);
    return memory;
}

/* Fills in what follows from the credentials alone. */
static bool session_identify(struct cache *cache, const struct session_login *login,
                             struct session *session)
{
    const struct cache_secret *secret = cache_secret(cache);
    if (!secret || login->user.size >= sizeof(session->user))
        return false;
    struct buffer context = {0};
    buffer_append_sized(&context, span_of_endpoint(login->endpoint));
    buffer_append_sized(&context, SPAN_OF_OBJECT(login->trust->digest));
    buffer_append_sized(&context, login->user);
    bool is_done = !context.failed &&
                   seal_derive(secret, buffer_span(&context), login->password, &session->key);
    buffer_free(&context);
    const struct span locale[] = {login->locale};
    if (!is_done ||
        !seal_identify(session->key.bytes, "principal", locale, 1, session->principal.id))
        return false;
    const struct span principal[] = {SPAN_OF_OBJECT(session->principal)};
    session->endpoint = *login->endpoint;
    session->trust = *login->trust;
    memcpy(session->user, login->user.data, login->user.size);
    return identify(cache, "session", principal, 1, &session->id);
}

/* The known session of that principal and cookie (empty: the credentials), or NULL. Locked. */
static struct session *find_known(const struct principal *principal, struct span cookie)
{
    struct session *found;
    for (found = known.first; found; found = found->next)
        if (memcmp(&found->principal, principal, sizeof(*principal)) == 0 &&
            span_equal(span_of_short(&found->cookie), cookie))
            break;
    return found;
}

static void make_known(struct session *fresh)
{
    fresh->next = known.first;
    known.first = fresh;
}

static void session_discard(struct session *session)
{
    explicit_bzero(session, sizeof(*session));
    munmap(session, sizeof(*session));
}

struct session *session_of_login(struct cache *cache, const struct session_login *login)
{
    struct session *fresh = session_allocate();
    if (!fresh)
        return NULL;
    struct session *session = NULL;
    if (session_identify(cache, login, fresh)) {
        session_lock();
        session = find_known(&fresh->principal, (struct span){0});
        if (!session) {
            make_known(fresh);
            session = fresh;
        }
        session_unlock();
    }
    if (session != fresh)
        session_discard(fresh);
    return session;
}

/* A session of those credentials, without a cookie yet, and not known. NULL without memory. */
static struct session *session_copy(struct session *login)
{
    struct session *session = session_allocate();
    if (!session)
        return NULL;
    session->login = login;
    session->endpoint = login->endpoint;
    session->trust = login->trust;
    session->id = login->id;
    session->principal = login->principal;
    session->key = login->key;
    memcpy(session->user, login->user, sizeof(session->user));
    return session;
}

/* The session with that cookie which `login` opened or was lent, known from now on. NULL without
 * memory. Locked. */
static struct session *session_with(struct session *login, struct span cookie,
                                    struct span session_key)
{
    struct session *session = find_known(&login->principal, cookie);
    if (session)
        return session;
    session = session_copy(login);
    if (!session)
        return NULL;
    if (cookie.size == 0 || !text_set(&session->cookie, cookie) ||
        !text_set(&session->session_key, session_key)) {
        session_discard(session);
        return NULL;
    }
    make_known(session);
    return session;
}

struct session *session_of_cookie(const struct endpoint *endpoint, struct span cookie)
{
    if (cookie.size == 0)
        return NULL;
    struct session *found;
    session_lock();
    for (found = known.first; found; found = found->next)
        if (span_equal(span_of_short(&found->cookie), cookie) &&
            strcmp(found->endpoint.name, endpoint->name) == 0)
            break;
    session_unlock();
    return found;
}

const struct principal *session_principal(const struct session *session)
{
    return &session->principal;
}

/* Values of RECORDS_PRINCIPALS begin with their kind. */
enum { KIND_USER = 'u', KIND_PRINCIPAL = 'p' };

bool principal_of_cookie(struct cache *cache, const struct endpoint *endpoint,
                         const struct trust *trust, struct span cookie, struct principal *principal)
{
    *principal = (struct principal){0};
    if (cookie.size == 0)
        return true;
    struct record_key id;
    if (!identify_cookie(cache, endpoint, trust, cookie, &id))
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
    if (cookie.size > 0 && identify_cookie(cache, endpoint, trust, cookie, &id) &&
        getrandom(fresh, sizeof(fresh), GRND_NONBLOCK) == (ssize_t)sizeof(fresh))
        put_principal(cache, &id, fresh);
}

static void remember_principal(struct cache *cache, const struct session *session,
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

/* ---- lending ------------------------------------------------------------------------------- */

static bool record_read(struct span value, struct session_record *record, struct span *sealed)
{
    if (value.size < sizeof(*record))
        return false;
    memcpy(record, value.data, sizeof(*record));
    *sealed = (struct span){value.data + sizeof(*record), value.size - sizeof(*record)};
    return record->format == RECORD_FORMAT;
}

/* Makes the session of an unsealed record known, and appends its Login's response. */
static struct session *take_record(struct session *login, struct span plain, struct buffer *head,
                                   struct buffer *body)
{
    struct span cookie, session_key, head_part, body_part;
    if (!take_sized(&plain, &cookie) || !take_sized(&plain, &session_key) ||
        !take_sized(&plain, &head_part) || !take_sized(&plain, &body_part))
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

/* A name for it that no program in this process holds. Locked. */
static struct session *free_name(struct session *session)
{
    struct session *name;
    for (name = known.first; name; name = name->next)
        if (name->holders == 0 && !name->own && (name == session || name->stands_for == session))
            return name;
    name = session_copy(session->login);
    if (name && !session_disguise(name, session)) {
        session_discard(name);
        return NULL;
    }
    if (name)
        make_known(name);
    return name;
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

bool session_is_only_name(struct session *session)
{
    bool is_only = true;
    session_lock();
    const struct session *named = session->stands_for ? session->stands_for : session;
    for (const struct session *name = known.first; name && !session->own; name = name->next) {
        bool is_of_it = name == named || name->stands_for == named;
        if (is_of_it && name != session && name->holders > 0 && !name->own)
            is_only = false;
    }
    session_unlock();
    return is_only;
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
    *session = free_name(*session);
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
    if (identify_cookie(cache, &session->endpoint, &session->trust, cookie, &id) &&
        buffer_append_sized(&plain, cookie) &&
        buffer_append_sized(&plain, span_of_short(&session->session_key)) &&
        buffer_append_sized(&plain, head) && buffer_append_sized(&plain, body) &&
        write_record(session, &id, buffer_span(&plain), &value)) {
        remember_principal(cache, session, &id);
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

bool session_is_shared(const struct session *session)
{
    session_lock();
    bool is_shared = session->is_shared;
    session_unlock();
    return is_shared;
}

bool session_is_borrowed(const struct session *session)
{
    session_lock();
    bool is_borrowed = session->is_borrowed;
    session_unlock();
    return is_borrowed;
}

void session_keep_thing(struct session *session, bool is_made)
{
    session_lock();
    if (is_made)
        session->kept++;
    else if (session->kept > 0)
        session->kept--;
    session_unlock();
}

bool session_is_remakable(const struct session *session)
{
    session_lock();
    bool is_remakable = !session->is_changed && session->kept == 0;
    session_unlock();
    return is_remakable;
}

bool session_is_private(const struct session *session)
{
    session_lock();
    bool is_private = session->is_private;
    session_unlock();
    return is_private;
}

bool session_is_own(const struct session *session)
{
    session_lock();
    bool is_own = !session->is_shared && !session->is_borrowed;
    session_unlock();
    return is_own;
}

/* The stored record, if it is still of this very session: another login may have replaced it. */
static bool own_record(struct cache *cache, const struct session *session, struct buffer *value)
{
    struct session_record record;
    struct record_key id;
    struct span sealed;
    return identify_cookie(cache, &session->endpoint, &session->trust,
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

static bool is_bound_to(const struct record_key *key, struct span value, void *closure)
{
    (void)key;
    const struct record_key *session = closure;
    return value.size >= sizeof(struct bound_record) &&
           memcmp(value.data, session, sizeof(*session)) == 0;
}

static void remove_bound(struct cache *cache, struct record_key session)
{
    uint64_t removed = 0;
    record_sweep(cache, RECORDS_BOUND, is_bound_to, &session, false, &removed);
}

static void end_lending(struct cache *cache, struct session *session, bool is_removed)
{
    if (is_removed)
        remove_bound(cache, session->id);
    session_lock();
    session->is_shared = false;
    session_unlock();
}

void session_withdraw(struct cache *cache, struct session *session)
{
    struct buffer value = {0};
    bool is_removed = own_record(cache, session, &value) &&
                      record_delete(cache, RECORDS_SESSIONS, &session->id) == CACHE_OK;
    buffer_free(&value);
    end_lending(cache, session, is_removed);
}

static enum cache_status try_to_take_back(struct cache *cache, struct session *session)
{
    struct buffer value = {0};
    struct session_record record;
    struct span sealed;
    const struct span nothing = {0};
    enum cache_status status = CACHE_UNAVAILABLE;
    if (own_record(cache, session, &value) && record_read(buffer_span(&value), &record, &sealed) &&
        !record.was_lent)
        status =
            record_replace(cache, RECORDS_SESSIONS, &session->id, buffer_span(&value), nothing);
    buffer_free(&value);
    return status;
}

bool session_take_back(struct cache *cache, struct session *session)
{
    enum cache_status status = CACHE_ABSENT;
    for (int tries = 0; status == CACHE_ABSENT && tries < TRIES; tries++)
        status = try_to_take_back(cache, session);
    if (status == CACHE_OK)
        end_lending(cache, session, true);
    return status == CACHE_OK;
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

bool session_is_changed(const struct session *session)
{
    session_lock();
    bool is_changed = session->is_changed;
    session_unlock();
    return is_changed;
}

void session_log_out(struct session *session)
{
    session_lock();
    if (session->holders > 0)
        session->holders--;
    session_unlock();
}

bool session_is_logged_out(const struct session *session)
{
    session_lock();
    bool is_logged_out = session->holders == 0;
    session_unlock();
    return is_logged_out;
}

/* ---- what is bound to a session ------------------------------------------------------------ */

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
    is_done = is_done && take_sized(&rest, &head_part) && take_sized(&rest, &body_part) &&
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
    return identify(cache, "bound", parts, 3, id);
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
    struct bound_record bound = {.session = session->id};
    enum cache_status status = CACHE_UNAVAILABLE;
    if (identify_bound(cache, session, key, &id) && buffer_append(&value, &bound, sizeof(bound)) &&
        session_seal(session, key, head, body, &value))
        status = record_put(cache, RECORDS_BOUND, &id, buffer_span(&value));
    buffer_free(&value);
    return status;
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
        remove_bound(cache, id);
    }
    buffer_free(&sweep.chosen);
    return status;
}
