/*
 * Sessions: a login that every later run can borrow (DESIGN, section 7).
 *
 * The record in the cache holds the Login's response, cookie and session key sealed with a key that
 * only the password gives; without the password it is noise. In the process a `struct session`
 * keeps what was unsealed, in locked memory that no core dump holds, wiped at exit.
 *
 * A session, once returned, stays valid until the process ends. Thread-safe.
 */
#ifndef VCACHE_CACHE_SESSION_H
#define VCACHE_CACHE_SESSION_H

#include "base/bytes.h"
#include "cache/cache.h"
#include "cache/key.h"
#include "cache/namespace.h"

#define SESSION_USER_SIZE 256

struct session; /* opaque */

/* The credentials of a Login request and where they were presented. Borrowed bytes. */
struct session_login {
    const struct endpoint *endpoint;
    const struct trust *trust;
    struct span user;
    struct span password;
    struct span locale;
};

/* The credentials of a login, with the key derived from them (this is the slow step): the same
 * user, password, endpoint and trust always give the same principal, and nothing else does. Not a
 * session yet, but what the two calls below make one from. NULL when the cache cannot be used. */
struct session *session_of_login(struct cache *cache, const struct session_login *login);

/* The session of this process whose cookie `cookie` is (cookie_token's result), or NULL. */
struct session *session_of_cookie(const struct endpoint *endpoint, struct span cookie);

/*
 * The value of the session cookie within a Cookie or Set-Cookie field's value, without quotes and
 * attributes; size 0 if there is none. Programs echo the whole Set-Cookie value, or its parts.
 */
struct span cookie_token(struct span field);

/* Whose requests carry this cookie: that of its login if this cache has seen it, else a principal
 * of the cookie's own; all zero for an empty cookie. False when the cache cannot be used. */
bool principal_of_cookie(struct cache *cache, const struct endpoint *endpoint,
                         const struct trust *trust, struct span cookie,
                         struct principal *principal);

/* The session behind that cookie has become another user's, or speaks another language: from now on
 * its requests are nobody's that was known before, in every process. */
void principal_change(struct cache *cache, const struct endpoint *endpoint,
                      const struct trust *trust, struct span cookie);

const struct principal *session_principal(const struct session *session);

/*
 * Borrows with the credentials `login`: appends the Login response (head and body as the origin
 * sent them) that every borrower is given; its cookie is known from now on. *session: by what name
 * the program is to know it. That is another than the response says if a program in this process
 * holds it already: two logins must not be one, for each may come to need a session of its own.
 * CACHE_ABSENT: there is no session, or it was unused for longer than `idle_ms`; log in and store.
 */
enum cache_status session_borrow(struct cache *cache, struct session *login, uint64_t idle_ms,
                                 struct session **session, struct buffer *head,
                                 struct buffer *body);

/* The same for one whose session has ended: the session goes by its own name, and the program is
 * told nothing. */
enum cache_status session_adopt(struct cache *cache, struct session *login, uint64_t idle_ms,
                                struct session **session);

/* The response to a Login that the origin accepted. `cookie`: cookie_token of its Set-Cookie;
 * `key`: UserSession.key. Borrowed bytes. */
struct session_opened {
    bool is_told; /* the program knows it by that cookie */
    struct span cookie;
    struct span key;
    struct span head;
    struct span body;
};

/*
 * The credentials `login` opened a session; its cookie is known from now on, as *session's.
 * Publishes it for others to borrow (*is_lent), unless another session of the same credentials is
 * lent already, which may be in use: then this one stays the program's own.
 */
enum cache_status session_store(struct cache *cache, struct session *login, uint64_t idle_ms,
                                const struct session_opened *opened, struct session **session,
                                bool *is_lent);

/* The same, never published: NULL without memory. */
struct session *session_open_private(struct session *login, const struct session_opened *opened);

/* Whether the session may be (is, as far as this process knows) shared with other processes. */
bool session_is_shared(const struct session *session);

/* A request went to the origin in this session: it does not idle. Written at most twice a minute.
 */
void session_touch(struct cache *cache, struct session *session);

/* Nobody is lent it any more: the origin ended it, or a program needs it for itself. Only if the
 * stored record is still of the same cookie. */
void session_withdraw(struct cache *cache, struct session *session);
/* The same, for who opened it and needs it for himself: only if no process was ever lent it, for
 * what those have begun in it ends with it. */
bool session_take_back(struct cache *cache, struct session *session);

/* Withdrawn, because the program keeps things in it (filters, collectors, leases), and stays in it.
 */
void session_make_private(struct cache *cache, struct session *session);
/* The program has made such a thing in it, or ended one. Nobody could make it again: should the
 * origin end the session then, the program is told. */
void session_keep_thing(struct session *session, bool is_made);
bool session_is_private(const struct session *session);
/* Whether another login makes a session that is as good. */
bool session_is_remakable(const struct session *session);

/* Whether another process opened it. */
bool session_is_borrowed(const struct session *session);

/* The program changes the session itself (its locale, its user): it is withdrawn, and what is read
 * in it from now on is nobody else's. */
void session_change(struct cache *cache, struct session *session);
bool session_is_changed(const struct session *session);

/* Whether the session is this program's alone, to be logged out of for real: it opened it itself,
 * and nobody else is lent it. */
bool session_is_own(const struct session *session);

/* The program logged out of what it was lent; later requests of it are without a session. */
void session_log_out(struct session *session);
bool session_is_logged_out(const struct session *session);

/* Whether `text` holds a secret of this session (its cookie or its key): then it is only stored
 * sealed. */
bool session_is_spoken_of(const struct session *session, struct span text);

/*
 * Responses that live and die with the session: views, currentSession. Sealed; found only while the
 * same session is lent. Appended to head and body.
 */
enum cache_status session_bound_get(struct cache *cache, struct session *session,
                                    const struct cache_key *key, struct buffer *head,
                                    struct buffer *body);
enum cache_status session_bound_put(struct cache *cache, struct session *session,
                                    const struct cache_key *key, struct span head,
                                    struct span body);

/* Sealing of a stored response that speaks of the session. */
bool session_seal(const struct session *session, const struct cache_key *key, struct span head,
                  struct span body, struct buffer *sealed);
bool session_unseal(const struct session *session, const struct cache_key *key, struct span sealed,
                    struct buffer *head, struct buffer *body);

/*
 * ---- Succession ----
 *
 * A program may have to go on in another session than the one whose cookie it was told: one of its
 * own, when it was lent one and needs to be alone; a new one, when the origin ended the old. That
 * session succeeds the one which the program names, and the program never learns.
 */

/* The session that stands at the origin for `session`: itself, if it was never succeeded. */
struct session *session_actual(struct session *session);
/* The session that this is a name of, as it was lent: itself, if it is no second name. */
struct session *session_named(struct session *session);
/* Whether no program in this process knows what stands for it by another name, too. */
bool session_is_only_name(struct session *session);
/* `own` stands for it from now on: the program's alone. */
void session_give_own(struct session *session, struct session *own);
/* The origin has ended `dead`: `heir` takes its place for every name that it stood for. */
void session_succeed(struct session *dead, struct session *heir);
/* The program logged out of its own, and the origin has ended that. */
void session_resign(struct session *session);

/* Keeps the body of the Login request that presented the credentials, in locked memory. */
void session_keep_login(struct session *login, struct span body);
/* The credentials to log in with in place of `session`, over a connection to a peer that is trusted
 * like that; NULL: none were kept, or the origin refused them, or the peer is trusted differently
 * and must not be shown the password. */
struct session *session_login(const struct session *session, const struct trust *trust);
/* Appends the kept body. The caller wipes it. */
bool session_login_body(const struct session *login, struct buffer *body);
/* The origin refused the credentials: they are not presented again on our own account. */
void session_refuse(struct session *login);

/*
 * The names of the program's that stand for others in `actual`, which stood for its session when
 * the exchange began (another thread may have had it succeeded since: what is said in one exchange
 * is said in one session). Appends pairs of sized spans (as buffer_append_sized), the program's and
 * the origin's; none if that is the session itself. Cookie, key, and views that were made again.
 * False without memory.
 */
bool session_names(struct session *session, const struct session *actual, struct buffer *names);

/* A view, and what is needed to make it again. */
struct session_view {
    struct cache_key key;  /* of the request that made it: others find it by that */
    struct span request;   /* its body */
    struct span reference; /* as the program was told */
    struct span current;   /* at the origin */
    bool is_own;           /* it was made where nobody else finds it */
};

/* The program holds the view from now on, in `actual`. False: it could not be made again, for it is
 * too large, or there are too many. */
bool session_view_add(struct session *session, const struct session *actual,
                      const struct session_view *view);
/* Whether others may hold it, too, or it has ended with its session: DestroyView is answered
 * locally. `reference`: as the program was told. */
bool session_view_is_kept(struct session *session, const struct session *actual,
                          struct span reference);
/* The program has destroyed its own. False: it was not known. */
bool session_view_forget(struct session *session, struct span reference);
/* A view that `text` names and that does not exist in `actual`: appends its reference, as the
 * program was told, and the request that makes it. */
bool session_view_missing(struct session *session, const struct session *actual, struct span text,
                          struct cache_key *key, struct buffer *reference, struct buffer *request);
/* It was made again there as `current`; or it cannot be (empty), and is not tried again.
 * `is_shared`: others may find it. */
void session_view_renew(struct session *session, const struct session *actual,
                        struct span reference, struct span current, bool is_shared);

/* For the tools: what a record says without the password. */
struct session_info {
    struct endpoint endpoint;
    struct principal principal;
    char user[SESSION_USER_SIZE];
    uint64_t opened_at; /* clock_milliseconds() */
    uint64_t used_at;
};
typedef bool session_visitor(const struct session_info *info, void *closure);

/* Visits every session record; those that `visit` chooses are removed unless is_dry, with the
 * responses bound to them. */
enum cache_status session_sweep(struct cache *cache, session_visitor *visit, void *closure,
                                bool is_dry, uint64_t *removed);

/* The user name of a principal, "" if its login was never seen here. */
void principal_user(struct cache *cache, const struct principal *principal,
                    char user[SESSION_USER_SIZE]);

#endif
