/*
 * Succession: what a program calls its session, and what stands for it at the origin (session.h).
 *
 * A program goes on with the names that it was told at its login, whatever became of the session
 * since: each name is one of a pair, the program's and the origin's.
 */
#include "cache/session_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    VIEW_COUNT = 256,
    VIEW_REQUEST_SIZE = 65536, /* a larger one is not made again */
};

struct view {
    struct view *next;
    const struct session *session; /* by whose name the program holds it */
    struct cache_key key;          /* of its request */
    struct buffer request;         /* that made it, as the program sent it */
    struct buffer reference;       /* as the program was told */
    struct buffer current;         /* at the origin */
    const struct session *made_in;
    bool is_own; /* nobody else finds it there */
};

/* Of all sessions; guarded by their lock. */
static struct view *views;

static const struct view *next_view(const struct session *session, const struct view *view)
{
    view = view ? view->next : views;
    while (view && view->session != session)
        view = view->next;
    return view;
}

static struct session *actual_of(struct session *session)
{
    if (session->own)
        return session->own;
    if (session->stands_for)
        session = session->stands_for;
    while (session->heir)
        session = session->heir;
    return session;
}

struct session *session_actual(struct session *session)
{
    session_lock();
    struct session *actual = actual_of(session);
    session_unlock();
    return actual;
}

struct session *session_named(struct session *session)
{
    return session->stands_for ? session->stands_for : session;
}

void session_give_own(struct session *session, struct session *own)
{
    session_lock();
    session->own = own;
    session_unlock();
}

void session_succeed(struct session *dead, struct session *heir)
{
    session_lock();
    if (actual_of(heir) != dead)
        dead->heir = heir;
    session_unlock();
}

void session_resign(struct session *session)
{
    session_lock();
    session->own = NULL;
    if (session->holders > 0)
        session->holders--;
    session_unlock();
}

/* ---- names for one session twice ---- */

static uint8_t among(uint8_t random, char first, char last)
{
    return (uint8_t)(first + random % (last - first + 1));
}

/* Of the same length and look as `text`, and otherwise random. */
static bool disguise(const struct text *text, struct text *disguised)
{
    uint8_t random[SESSION_TEXT_SIZE];
    *disguised = *text;
    if (getrandom(random, text->size, GRND_NONBLOCK) != (ssize_t)text->size)
        return false;
    for (size_t i = 0; i < text->size; i++) {
        char c = text->bytes[i];
        if (c >= '0' && c <= '9')
            disguised->bytes[i] = (char)among(random[i], '0', '9');
        else if (c >= 'a' && c <= 'f')
            disguised->bytes[i] = (char)among(random[i], 'a', 'f');
        else if (c >= 'A' && c <= 'F')
            disguised->bytes[i] = (char)among(random[i], 'A', 'F');
    }
    return true;
}

bool session_disguise(struct session *session, struct session *stands_for)
{
    session->stands_for = stands_for;
    return disguise(&stands_for->cookie, &session->cookie) &&
           disguise(&stands_for->session_key, &session->session_key) &&
           !span_equal(span_of_short(&session->cookie), span_of_short(&stands_for->cookie));
}

/* ---- logging in again ---- */

void session_keep_login(struct session *login, struct span body)
{
    session_lock();
    login->is_refused = false;
    login->login_size = body.size <= sizeof(login->login_body) ? body.size : 0;
    memcpy(login->login_body, body.data, login->login_size);
    session_unlock();
}

struct session *session_login(const struct session *session, const struct trust *trust)
{
    struct session *login = session->login;
    session_lock();
    bool may_log_in = login && login->login_size > 0 && !login->is_refused &&
                      memcmp(&session->trust, trust, sizeof(*trust)) == 0;
    session_unlock();
    return may_log_in ? login : NULL;
}

bool session_login_body(const struct session *login, struct buffer *body)
{
    session_lock();
    bool is_done =
        login->login_size > 0 && buffer_append(body, login->login_body, login->login_size);
    session_unlock();
    return is_done;
}

void session_refuse(struct session *login)
{
    session_lock();
    login->is_refused = true;
    session_unlock();
}

/* ---- views ---- */

static struct view *find_view(const struct session *session, struct span reference)
{
    struct view *view;
    for (view = views; view; view = view->next)
        if (view->session == session && span_equal(buffer_span(&view->reference), reference))
            break;
    return view;
}

static size_t count_views(const struct session *session)
{
    size_t count = 0;
    for (const struct view *view = NULL; (view = next_view(session, view)) != NULL;)
        count++;
    return count;
}

static void free_view(struct view *view)
{
    buffer_free(&view->request);
    buffer_free(&view->reference);
    buffer_free(&view->current);
    free(view);
}

static struct view *make_view(const struct session_view *from, const struct session *made_in)
{
    struct view *view = calloc(1, sizeof(*view));
    if (!view)
        return NULL;
    view->key = from->key;
    view->made_in = made_in;
    view->is_own = from->is_own;
    if (buffer_append_span(&view->request, from->request) &&
        buffer_append_span(&view->reference, from->reference) &&
        buffer_append_span(&view->current, from->current))
        return view;
    free_view(view);
    return NULL;
}

bool session_view_add(struct session *session, const struct session *actual,
                      const struct session_view *from)
{
    if (from->reference.size == 0 || from->request.size > VIEW_REQUEST_SIZE)
        return false;
    session_lock();
    struct view *view = find_view(session, from->reference);
    if (!view && count_views(session) < VIEW_COUNT) {
        view = make_view(from, actual);
        if (view) {
            view->session = session;
            view->next = views;
            views = view;
        }
    }
    session_unlock();
    return view != NULL;
}

bool session_view_is_kept(struct session *session, const struct session *actual,
                          struct span reference)
{
    session_lock();
    const struct view *view = find_view(session, reference);
    bool is_kept = view ? !view->is_own || view->made_in != actual : actual->is_shared;
    session_unlock();
    return is_kept;
}

bool session_view_forget(struct session *session, struct span reference)
{
    session_lock();
    struct view *view = find_view(session, reference);
    for (struct view **link = &views; view && *link; link = &(*link)->next)
        if (*link == view) {
            *link = view->next;
            break;
        }
    session_unlock();
    if (view)
        free_view(view);
    return view != NULL;
}

bool session_view_missing(struct session *session, const struct session *actual, struct span text,
                          struct cache_key *key, struct buffer *reference, struct buffer *request)
{
    const struct view *view = NULL;
    session_lock();
    while ((view = next_view(session, view)) != NULL)
        if (view->made_in != actual && span_contains(text, buffer_span(&view->reference)))
            break;
    bool is_missing = view && buffer_append_span(reference, buffer_span(&view->reference)) &&
                      buffer_append_span(request, buffer_span(&view->request));
    if (is_missing)
        *key = view->key;
    session_unlock();
    return is_missing;
}

void session_view_renew(struct session *session, const struct session *actual,
                        struct span reference, struct span current, bool is_shared)
{
    session_lock();
    struct view *view = find_view(session, reference);
    if (view) {
        buffer_clear(&view->current);
        buffer_append_span(&view->current, current.size ? current : reference);
        view->made_in = actual;
        view->is_own &= !is_shared;
    }
    session_unlock();
}

/* ---- names ---- */

static void append_pair(struct buffer *names, struct span of_program, struct span of_origin)
{
    if (of_program.size == 0 || of_origin.size == 0 || span_equal(of_program, of_origin))
        return;
    buffer_append_sized(names, of_program);
    buffer_append_sized(names, of_origin);
}

/* A view's reference holds the session's key. What the origin calls a view may so, with the
 * program's key, be the very name by which the program knows another one: it gets a name that no
 * origin gives. */
static void append_namesake(struct buffer *names, const struct session *session,
                            const struct session *actual, const struct view *view)
{
    struct span key = span_of_short(&session->session_key);
    struct span name = buffer_span(&view->reference);
    const uint8_t *at = key.size ? memmem(name.data, name.size, key.data, key.size) : NULL;
    struct buffer of_program = {0}, of_origin = {0};
    if (!at)
        return;
    buffer_append(&of_origin, name.data, (size_t)(at - name.data));
    buffer_append_span(&of_origin, span_of_short(&actual->session_key));
    buffer_append(&of_origin, at + key.size, (size_t)(name.data + name.size - at) - key.size);
    buffer_append_span(&of_program, name);
    buffer_append_text(&of_program, "~");
    if (!span_equal(buffer_span(&of_origin), buffer_span(&view->current)))
        append_pair(names, buffer_span(&of_program), buffer_span(&of_origin));
    buffer_free(&of_program);
    buffer_free(&of_origin);
}

bool session_names(struct session *session, const struct session *actual, struct buffer *names)
{
    session_lock();
    const struct view *view = NULL;
    while (actual != session && (view = next_view(session, view)) != NULL)
        if (view->made_in == actual)
            append_pair(names, buffer_span(&view->reference), buffer_span(&view->current));
    while (actual != session && (view = next_view(session, view)) != NULL)
        append_namesake(names, session, actual, view);
    append_pair(names, span_of_short(&session->cookie), span_of_short(&actual->cookie));
    append_pair(names, span_of_short(&session->session_key), span_of_short(&actual->session_key));
    session_unlock();
    return !names->failed;
}
