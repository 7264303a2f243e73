/*
 * The inside of an exchange, shared by the files that make it up:
 *
 *   exchange.c   bytes: what the program writes, what the origin sends, in which state we are
 *   asked.c      the request is whole: who asks, for what, and the key of it
 *   decide.c     what is to be done, by the operation's class
 *   reading.c    of a read
 *   lending.c    of a login, and of what lives in a session
 *   errand.c     what must be asked of the origin first, on our own account
 *   compose.c    messages that differ from what was received: renamed, or of our own
 *   hold.c       the response comes: what of it is held back from the program, and until when
 *   keep.c       the response is whole: what becomes of it
 *   page.c       both of these, for reads that are answered in pages
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
#include "exchange/recording.h"
#include "exchange/soap.h"

#include <sys/types.h>

/* The largest request whose body is looked at; a larger one is forwarded as a write. */
enum { EXCHANGE_REQUEST_LIMIT = 4 << 20 };

enum exchange_phase {
    PHASE_IDLE,      /* between requests, or inside one that is not whole */
    PHASE_STREAMING, /* forwarded before it was whole; its rest passes through */
    PHASE_AWAITING,  /* forwarded; the response is not whole */
    PHASE_ERRAND,    /* the program's request waits for a response that is ours */
    PHASE_BLIND, /* the framing was lost on a vSphere connection: every write counts as a write */
};

/* What is done with the response of a forwarded request. */
enum keep {
    KEEP_NOTHING,
    KEEP_RESPONSE, /* stored for every reader of the namespace */
    KEEP_PAGE,     /* the same, with the pages before and behind it */
    KEEP_BOUND,    /* stored as long as the session is lent: currentSession */
    KEEP_VIEW,     /* the same, and it names a view that is shared from now on */
    KEEP_LOGIN,    /* published as a session */
};

/* What of a response the program may see, and when. */
enum hold {
    HOLD_NOTHING, /* as it comes */
    HOLD_START,   /* when its beginning shows that the rest need not be held back */
    HOLD_ALL,     /* when it is whole: it is renamed, or another may take its place */
};

/* What is asked of the origin on our own account, before the program's request goes out (again). */
enum errand_aim {
    ERRAND_NONE,
    ERRAND_PRIVATE, /* a login: the program needs a session of its own */
    ERRAND_HEAL,    /* a login: the origin has ended the session */
    ERRAND_VIEW,    /* a view of the program's, made again */
};

struct errand {
    enum errand_aim aim;
    bool is_under_way;     /* its request was made; else it is about to be */
    struct session *login; /* whose credentials are presented */
    struct claim claim;    /* of many whose session has ended, one logs in */
    struct cache_key key;  /* of the view's request */
    struct buffer reference;
};

/* One request: what is asked, and what was decided. Zero between requests. */
struct asked {
    char name[SOAP_NAME_SIZE];         /* of the operation, for log and label */
    const struct operation *operation; /* NULL: not in the table */
    struct principal principal;
    struct session *session;    /* as the program names it; NULL: not known to this process */
    struct session *actual;     /* that stands for it at the origin: the same, or its successor */
    struct session *ended;      /* that stood for it before, until the origin refused it */
    struct cache_key canonical; /* of the canonical form of its body */
    bool is_remembered;         /* the memo knew that, and the body was not parsed */
    struct cache_key key;       /* of all that makes two requests the same */
    bool has_key;
    bool awaits_reach; /* a write whose fence is raised when there is somebody to send it to */
    struct store_label label; /* filled when the response may be stored */
    enum keep keep;
    struct recording *recording; /* whose next page the response is; owned */
    enum verdict verdict;
    bool is_write;              /* a fence was raised: */
    struct fence_raised raised; /* where */
    bool is_task;
    bool has_begun;       /* some of the response is in */
    bool closes;          /* the program expects the connection to be closed after the answer */
    unsigned adoptions;   /* sessions of others that were gone on in */
    bool is_healable;     /* should the origin have ended the session, it is opened anew */
    bool has_stale;       /* should the origin fail, a stale response may be served */
    bool needs_own;       /* session: the program is alone in the one it is asked in */
    bool changes_session; /* its locale, its user: reads in it are nobody else's any more */
    bool resigns;         /* logs out of its own session */
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
    struct http_message *last; /* the last request, for exchange_ask_again; NULL: nobody will */
    bool has_last;             /* it can be asked again */
    bool is_again;             /* it is x->request, and only what is stored may answer it */
    struct buffer held;
    size_t sent;       /* of the held bytes */
    bool holds_secret; /* a password is among them */
    struct answer answer;
    bool is_at_end;
    bool has_seen_request;     /* one was whole, and it was ours */
    bool has_answered_interim; /* 100 Continue was given here; the origin's is dropped */
    enum hold hold;
    struct buffer early; /* the origin's bytes that are held back */
    struct errand errand;
    struct buffer late;    /* written by the program during an errand */
    bool is_due;           /* what is held must be sent though the program writes nothing, */
    bool needs_connection; /* and the connection ends with the response before it */

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

/* asked.c. Whether the whole head is that of a POST to /sdk, or of a GET that may be a read. */
bool asked_is_ours(const struct exchange *x);
/* Whether it asks for a datastore's file, and whether it changes one. */
bool asked_is_file(const struct exchange *x);
bool asked_changes_file(const struct exchange *x);
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
/* The value of the session's cookie that the request carries; size 0: none. */
struct span asked_cookie(const struct exchange *x);
/* The session whose cookie that is. The program may have logged out of one that lives
 * on for others: to the origin, its later requests, whatever they ask, must not carry a cookie that
 * still works. */
void asked_session(struct exchange *x);

/* decide.c: the request is whole. EXCHANGE_ANSWER: x->answer waits. EXCHANGE_FORWARD: x->asked says
 * how its response is kept, and the fence is raised if it writes, or is to be. */
enum exchange_verdict decide(struct exchange *x);
void decide_raise_fence(struct exchange *x);
/* The request cannot be looked at: it is taken for a write of the endpoint as far as known. */
void decide_unseen(struct exchange *x, enum verdict verdict);
/* EXCHANGE_FORWARD, for that reason. */
enum exchange_verdict decide_forward(struct exchange *x, enum verdict verdict);
/* Of many that ask this at once, one goes to the origin (collapse.h). True: the claim is held, or
 * its holder has let go, and something may be stored since. */
bool decide_claim(struct exchange *x);

/* reading.c. */
enum exchange_verdict decide_read(struct exchange *x);
/* The origin has failed: answers with what is stored, if the reader accepts it. */
bool read_stale(struct exchange *x);

/* lending.c. `keep`: KEEP_VIEW, or KEEP_BOUND for currentSession. */
enum exchange_verdict decide_bound(struct exchange *x, enum keep keep, enum verdict hit,
                                   enum verdict miss);
/* Answers it after all: others have been quicker in the session that took the place of the dead
 * one, or the view that is to be destroyed has ended with that.
 */
bool lend_bound(struct exchange *x);
enum exchange_verdict decide_login(struct exchange *x);
enum exchange_verdict decide_logout(struct exchange *x);
enum exchange_verdict decide_session(struct exchange *x);
enum exchange_verdict decide_destroy_view(struct exchange *x);
/* A Logout that cannot be answered here ends the session: nobody may be lent it from now on. */
void decide_withdraw_logged_out(struct exchange *x);
/* What the request does lives in the session: the program must be alone in it. Withdraws it from
 * others, or makes a session of the program's own the errand that comes first. */
void decide_private(struct exchange *x);
/* Answers with what the origin sent in the session that stands for the program's, as the program
 * is to see it. False without memory. */
bool lend_answer(struct exchange *x, struct span head, struct span body);
/* The program holds the view from now on. `current`: what it is called at the origin. `is_own`: it
 * was made where nobody else finds it. */
void lend_view(struct exchange *x, struct span current, bool is_own);
/* The program's DestroyView has destroyed its own. */
void lend_no_view(struct exchange *x);
/* What `login`'s logins are collapsed by: programs word a login differently, but of the same
 * credentials it is the same question. `cookie`: empty, or of the session that is left by it. */
bool login_key(struct exchange *x, const struct session *login, struct span cookie,
               struct cache_key *key);

/*
 * errand.c. Whether something must be asked first, or the request goes to the origin with other
 * names than the program's; then errand_next makes what is held the next request to be sent: of an
 * errand, or at last the program's own, and says which phase that begins.
 */
bool errand_is_due(const struct exchange *x);
enum exchange_phase errand_next(struct exchange *x);
/* The program needs a session of its own, opened with the credentials x->errand.login. */
void errand_begin_private(struct exchange *x);
/* Before the response to the program's request is shown to it: whether it says that the origin has
 * ended the session, and the session can be opened anew. Then errand_next. */
bool errand_heals(struct exchange *x);
/* x->response is the whole response to the errand's request. False: a login was refused. */
bool errand_learn(struct exchange *x);
/* Whatever was under way is given up. */
void errand_end(struct exchange *x);

/* compose.c. The program's request, with the names that the origin knows, in place of what is held.
 */
bool compose_request(struct exchange *x);
/* A request of our own with that body, after the pattern of the program's. `login`: without its
 * cookie, and the body is a secret. */
bool compose_own_request(struct exchange *x, struct span body, bool is_login);
/* Renames within the head of what is held, whatever its body: which is too large, or not ours. */
void compose_held_head(struct exchange *x);
/* The head of a response that has `body_size` bytes in identity form, without its empty line. */
bool compose_head(const struct http_message *response, struct span status_line, size_t body_size,
                  struct buffer *head);
/* Of a head that compose_head made, and fields behind it: says another body's length. */
bool compose_length(struct buffer *head, size_t body_size);
/* Appends `text` with the names that the origin knows. */
bool compose_for_origin(struct exchange *x, struct span text, struct buffer *to);
/* Appends `text` as the program is to see it. */
bool compose_for_program(struct exchange *x, struct span text, struct buffer *to);
/* Makes the whole response the answer, with the names that the program knows. False: there is
 * nothing to be renamed, or it cannot be. */
bool compose_answer(struct exchange *x);

/* hold.c: bytes of a response came, which are held back. */
void hold_feed(struct exchange *x, const void *bytes, size_t size);
/* How the response to the request that was just forwarded is to be held. */
enum hold hold_of(const struct exchange *x);
/* No more of it will come. */
void hold_feed_end(struct exchange *x, bool is_clean);

/* exchange.c. The identity form of a whole message's body, lent until exchange_end or the next
 * response; false if it was not kept or cannot be read. */
bool exchange_request_body(const struct exchange *x, struct span *body);
bool exchange_response_body(const struct exchange *x, struct span *body);
/* The forwarded request's response is in, or will not come. */
void exchange_end(struct exchange *x, bool is_whole);
/* The framing is lost: whatever is written from now on may be a write. */
void exchange_go_blind(struct exchange *x, enum verdict verdict);

/* keep.c: the response is whole, or broke off (then is_whole is false). */
void keep_response(struct exchange *x, bool is_whole);
/* The value of the session cookie that the response sets; size 0: none. */
struct span keep_cookie_of(const struct http_message *response);

/* Stores under x->asked's key and label, sealed if it speaks of the session. */
enum verdict keep_stored(struct exchange *x, struct span head, struct span body);

/* page.c: the request continues or gives up a read in pages. */
enum exchange_verdict page_decide(struct exchange *x);
/* Makes the first page of a stored chain the answer; the loan is taken over or ended. False: the
 * chain cannot be served to its end. */
bool page_answer_first(struct exchange *x, struct stored_response *chain);
/* A page that may be kept: recorded, and if it is the last, the chain is stored. `body` is its
 * identity form, which `soap` was read from. */
enum verdict page_keep(struct exchange *x, const struct soap_response *soap, struct span body);

/* report.c. */
void report_hit(struct exchange *x, enum verdict verdict, uint64_t age_ms, size_t bytes,
                uint64_t saved_us);
void report_forward(struct exchange *x);
void report_time(struct exchange *x, uint64_t origin_us);
void report_kept(struct exchange *x, enum verdict verdict, size_t bytes, uint64_t origin_us);
void report_event(struct exchange *x, enum verdict verdict);

#endif
