/*
 * The inside of an exchange, shared by the files that make it up:
 *
 *   exchange.c   bytes: what the program writes, what the origin sends, in which state we are
 *   asked.c      the request is whole: who asks, for what, and the key of it
 *   decide.c     what is to be done, by the operation's class
 *   reading.c    of a read
 *   lending.c    of a login, and of what lives in a session
 *   keep.c       the response is whole: what becomes of it
 *   report.c     the log and the counters
 *
 * Nothing outside shim/exchange includes this.
 */
#ifndef VCACHE_EXCHANGE_STATE_H
#define VCACHE_EXCHANGE_STATE_H

#include "cache/collapse.h"
#include "cache/fence.h"
#include "cache/session.h"
#include "cache/statistics.h"
#include "exchange/answer.h"
#include "exchange/context.h"
#include "exchange/exchange.h"
#include "exchange/http.h"
#include "exchange/operation.h"
#include "exchange/soap.h"

#include <sys/types.h>

/* The largest request whose body is looked at; a larger one is forwarded as a write. */
enum { EXCHANGE_REQUEST_LIMIT = 4 << 20 };

enum exchange_phase {
    PHASE_IDLE,      /* between requests, or inside one that is not whole */
    PHASE_STREAMING, /* forwarded before it was whole; its rest passes through */
    PHASE_AWAITING,  /* forwarded; the response is not whole */
    PHASE_BLIND, /* the framing was lost on a vSphere connection: every write counts as a write */
};

/* What is done with the response of a forwarded request. */
enum keep {
    KEEP_NOTHING,
    KEEP_RESPONSE, /* stored for every reader of the namespace */
    KEEP_BOUND,    /* stored as long as the session is lent: currentSession */
    KEEP_VIEW,     /* the same, and it names a view that is shared from now on */
    KEEP_LOGIN,    /* published as a session */
};

/* One request: what is asked, and what was decided. Zero between requests. */
struct asked {
    char name[SOAP_NAME_SIZE];         /* of the operation, for log and label */
    const struct operation *operation; /* NULL: not in the table */
    struct principal principal;
    struct session *session;    /* NULL: not known to this process */
    struct cache_key canonical; /* of the canonical form of its body */
    bool is_remembered;         /* the memo knew that, and the body was not parsed */
    struct cache_key key;       /* of all that makes two requests the same */
    bool has_key;
    struct store_label label; /* filled when the response may be stored */
    enum keep keep;
    enum verdict verdict;
    bool is_write; /* a fence was raised */
    bool is_task;
    bool closes; /* the program expects the connection to be closed after the answer */
    struct claim claim;
    uint64_t begun_us; /* when the request was whole */
    pid_t process;     /* that forwarded it: a child must not end what its parent began */
};

struct exchange {
    const struct exchange_front *front;
    void *connection;
    const struct context *context;
    enum exchange_phase phase;
    struct http_message *request;
    struct http_message *response;
    struct buffer held;
    size_t sent;       /* of the held bytes */
    bool holds_secret; /* a password is among them */
    struct answer answer;
    bool is_at_end;
    bool has_seen_request;     /* one was whole, and it was ours */
    bool has_answered_interim; /* 100 Continue was given here; the origin's is dropped */
    struct buffer early;       /* the origin's bytes until it is known whether they are that one */

    /* Known once for the connection: */
    bool has_peer;
    bool is_trusted;
    struct trust trust;
    struct endpoint endpoint; /* of the request's Host; kept while it stays the same */

    /* Whose the cookie of the last request is, if it is of no session that this process knows: */
    bool has_principal;
    struct buffer cookie;
    struct principal principal;

    struct asked asked;
    struct soap_request soap;
};

static inline struct cache *cache_of(const struct exchange *x)
{
    return x->context->cache;
}

/* asked.c. Whether the whole head is that of a POST to /sdk or of a GET below it. */
bool asked_is_ours(const struct exchange *x);
/* Fill what x->asked and x->endpoint say of the request; false if it cannot be told. */
bool asked_endpoint(struct exchange *x);
bool asked_operation(struct exchange *x);
void asked_soap(struct exchange *x);
void asked_peer(struct exchange *x);
bool asked_principal(struct exchange *x);
bool asked_key(struct exchange *x);
/* What the stored response will say of itself: only on a miss. */
void asked_label(struct exchange *x, const struct fence_state *fence);
enum operation_class asked_class(const struct exchange *x);
/* Something in the head that the answer would depend on and the key does not know. */
bool asked_is_conditional(const struct exchange *x);
/* The session whose cookie the request carries, or NULL. */
struct session *asked_session(const struct exchange *x);
/* The program may have logged out of a session that lives on for others: to the origin, its later
 * requests, whatever they ask, must not carry a cookie that still works. */
void asked_hide_cookie(struct exchange *x);

/* decide.c: the request is whole. EXCHANGE_ANSWER: x->answer waits. EXCHANGE_FORWARD: x->asked says
 * how its response is kept, and the fence is raised if it writes. */
enum exchange_verdict decide(struct exchange *x);
/* The request cannot be looked at: it is taken for a write of the endpoint as far as known. */
void decide_unseen(struct exchange *x, enum verdict verdict);
/* EXCHANGE_FORWARD, for that reason. */
enum exchange_verdict decide_forward(struct exchange *x, enum verdict verdict);
/* Of many that ask this at once, one goes to the origin (collapse.h). True: the claim is held, or
 * its holder has let go, and something may be stored since. */
bool decide_claim(struct exchange *x);

/* reading.c. */
enum exchange_verdict decide_read(struct exchange *x);

/* lending.c. `keep`: KEEP_VIEW, or KEEP_BOUND for currentSession. */
enum exchange_verdict decide_bound(struct exchange *x, enum keep keep, enum verdict hit,
                                   enum verdict miss);
enum exchange_verdict decide_login(struct exchange *x);
enum exchange_verdict decide_logout(struct exchange *x);
enum exchange_verdict decide_session(struct exchange *x);
enum exchange_verdict decide_destroy_view(struct exchange *x);
/* A Logout that cannot be answered here ends the session: nobody may be lent it from now on. */
void decide_withdraw_logged_out(struct exchange *x);

/* keep.c: the response is whole, or broke off (then is_whole is false). */
void keep_response(struct exchange *x, bool is_whole);

/* report.c. */
void report_hit(struct exchange *x, enum verdict verdict, uint64_t age_ms, size_t bytes,
                uint64_t saved_us);
void report_forward(struct exchange *x);
void report_time(struct exchange *x, uint64_t origin_us);
void report_kept(struct exchange *x, enum verdict verdict, size_t bytes, uint64_t origin_us);
void report_event(struct exchange *x, enum verdict verdict);

#endif
