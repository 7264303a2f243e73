/*
 * What the files that make up sessions share; nobody else includes it.
 *
 *   session.c          the sessions of this process
 *   session_record.c   the records that other processes are lent them by
 *   session_bound.c    what lives and dies with one: views, currentSession
 *   principal.c        whose a cookie is
 *   succession.c       what stands at the origin for what the program names
 */
#ifndef VCACHE_CACHE_SESSION_PARTS_H
#define VCACHE_CACHE_SESSION_PARTS_H

#include "cache/records.h"
#include "cache/seal.h"
#include "cache/session.h"

enum {
    SESSION_TEXT_SIZE = 512,
    SESSION_LOGIN_SIZE = 4096, /* a longer Login is not repeated */
};

/* A short secret or name that is kept by value. */
struct text {
    size_t size;
    char bytes[SESSION_TEXT_SIZE];
};

/* One session, or (without a cookie) the credentials that a login presented: what every session
 * that is opened or lent with them is made from. */
struct session {
    struct session *next;
    struct session *login; /* the credentials; of those themselves NULL */
    struct endpoint endpoint;
    struct trust trust;
    struct record_key id; /* of its record in RECORDS_SESSIONS */
    struct principal principal;
    struct seal_key key;
    char user[SESSION_USER_SIZE];
    struct text cookie;
    struct text session_key;
    bool is_shared;
    bool is_borrowed; /* another process opened it, and more may hold it */
    bool is_private;  /* a program needs it for itself */
    unsigned kept;    /* things that it keeps there, and that cannot be made again */
    bool is_changed;
    unsigned holders; /* logins answered with it in this process, less its logouts */
    uint64_t touched_at;

    /* What stands at the origin for this one, which the program names; see actual_of. */
    struct session *own;        /* the program's, which it needs for itself */
    struct session *stands_for; /* this one is a name only: the program knows that one already */
    struct session *heir;       /* the origin has ended this one, for all who were in it */

    /* Of credentials: */
    size_t login_size;
    char login_body[SESSION_LOGIN_SIZE];
    bool is_refused; /* the origin does not know them any more */
};

#define SPAN_OF_OBJECT(object) ((struct span){(const uint8_t *)&(object), sizeof(object)})

/* ---- session.c ---- */

/* The session with that cookie which `login` opened or was lent, known from now on. NULL without
 * memory. Locked. */
struct session *session_with(struct session *login, struct span cookie, struct span session_key);
/* A name for it that no program in this process holds. Locked. */
struct session *session_free_name(struct session *session);
/* The key of a record, which only this cache's secret leads to from what it is about. */
bool session_identify_record(struct cache *cache, const char *label, const struct span *parts,
                             size_t count, struct record_key *id);

/* ---- session_bound.c ---- */

/* Nothing is bound any more to the session of that login which has that cookie (as identified);
 * NULL: to none of that login's. */
void session_bound_remove(struct cache *cache, struct record_key login,
                          const struct record_key *cookie);

/* ---- principal.c ---- */

bool principal_identify(struct cache *cache, const struct endpoint *endpoint,
                        const struct trust *trust, struct span cookie, struct record_key *id);
/* The cookie `cookie` (as identified) is the session's principal's, and that is how he is called.
 */
void principal_remember(struct cache *cache, const struct session *session,
                        const struct record_key *cookie);

/* ---- succession.c ---- */

/* Makes `session`, which nobody knows yet, another name for one that a program in this process
 * holds by its own name already. False: without random numbers there is none. */
bool session_disguise(struct session *session, struct session *stands_for);

/* Guard the list of sessions and every session's changing fields. */
void session_lock(void);
void session_unlock(void);

static inline struct span span_of_short(const struct text *text)
{
    return (struct span){(const uint8_t *)text->bytes, text->size};
}

#endif
