/* Sessions of this process, and what becomes of them in it: see session.h. */
#include "cache/session_parts.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

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

/* ---- who ----------------------------------------------------------------------------------- */

bool session_identify_record(struct cache *cache, const char *label, const struct span *parts,
                             size_t count, struct record_key *id)
{
    const struct cache_secret *secret = cache_secret(cache);
    return secret && seal_identify(secret->master, label, parts, count, id->id);
}

static bool text_set(struct text *text, struct span value)
{
    if (value.size > sizeof(text->bytes))
        return false;
    memcpy(text->bytes, value.data, value.size);
    text->size = value.size;
    return true;
}

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
    buffer_append_sized(&context, span_of_text(login->endpoint->name));
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
    return session_identify_record(cache, "session", principal, 1, &session->id);
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

struct session *session_with(struct session *login, struct span cookie, struct span session_key)
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

/* ---- names --------------------------------------------------------------------------------- */

struct session *session_free_name(struct session *session)
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

/* ---- what becomes of them ------------------------------------------------------------------ */

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
