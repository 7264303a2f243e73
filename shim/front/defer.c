/* Deferred connections: see defer.h. */
#include "front/await.h"
#include "front/chains.h"
#include "front/defer_parts.h"
#include "front/greeting.h"
#include "front/python.h"
#include "front/resolved.h"
#include "front/ruby.h"
#include "front/standin.h"
#include "front/unready.h"
#include "front/verify.h"

#include "base/log.h"
#include "cache/statistics.h"
#include "exchange/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

atomic_uint defer_count;

/* ---- attached to the SSL ---- */

struct deferred *defer_attached(const struct openssl *openssl, const SSL *ssl)
{
    return openssl->can_defer ? openssl->SSL_get_ex_data(ssl, openssl->indexes.deferred) : NULL;
}

struct deferred *defer_find(const struct openssl *openssl, const SSL *ssl)
{
    struct deferred *deferred = defer_attached(openssl, ssl);
    return deferred && deferred->phase != DEFER_OVER ? deferred : NULL;
}

/* What the program was shown stays valid: it is freed with the SSL. */
void defer_end(struct deferred *deferred)
{
    if (deferred->phase != DEFER_OVER)
        atomic_fetch_sub(&defer_count, 1);
    unready_end(&deferred->descriptor);
    deferred->phase = DEFER_OVER;
}

static void free_deferred(struct deferred *deferred)
{
    defer_end(deferred);
    python_withdraw();
    chains_free(deferred->openssl, deferred->chain);
    chains_free(deferred->openssl, deferred->verified);
    free(deferred);
}

static void freed(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number,
                  void *argument)
{
    (void)parent, (void)all, (void)index, (void)number, (void)argument;
    if (data)
        free_deferred(data);
}

static int copied(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **data, int index,
                  long number, void *argument)
{
    (void)to, (void)from, (void)index, (void)number, (void)argument;
    *data = NULL;
    return 1;
}

bool defer_index(struct openssl *openssl)
{
    openssl->indexes.deferred =
        openssl->CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, copied, freed);
    return openssl->indexes.deferred >= 0;
}

void defer_drop(const struct openssl *openssl, SSL *ssl)
{
    struct deferred *deferred = defer_attached(openssl, ssl);
    if (deferred && openssl->SSL_set_ex_data(ssl, openssl->indexes.deferred, NULL) == 1)
        free_deferred(deferred);
}

/* ---- for the exchange ---- */

bool defer_trust(const struct openssl *openssl, const SSL *ssl, bool is_verified,
                 struct trust *trust)
{
    const struct deferred *deferred = defer_of((struct route){openssl, false}, ssl);
    if (deferred)
        *trust = is_verified ? deferred->trust.verified : deferred->trust.unverified;
    return deferred;
}

bool defer_socket(const struct openssl *openssl, const SSL *ssl, struct descriptor *descriptor,
                  struct dial_peer *peer)
{
    const struct deferred *deferred = defer_of((struct route){openssl, false}, ssl);
    if (deferred) {
        *descriptor = deferred->descriptor;
        *peer = deferred->peer;
    }
    return deferred;
}

/* ---- reports ---- */

void defer_report(const struct endpoint *endpoint, enum verdict verdict)
{
    statistics_count(context_get()->cache, verdict);
    log_line(LOG_INFO, "%s - connection %s", endpoint->name[0] ? endpoint->name : "-",
             verdict_infos[verdict].name);
}

/* ---- how long ---- */

uint64_t defer_connect_limit(int fd, uint64_t time_out_ms)
{
    return time_out_ms > 0 ? time_out_ms : dial_limit(fd, context_get()->config.connect_timeout_ms);
}

/* ---- the handshake that is answered here ---- */

/* The SSL's socket, if it is one for both ways; else -1. */
static int socket_of(const struct openssl *openssl, const SSL *ssl)
{
    openssl->ERR_set_mark();
    int fd = openssl->SSL_get_rfd(ssl);
    bool is_one = fd >= 0 && openssl->SSL_get_wfd(ssl) == fd;
    openssl->ERR_pop_to_mark();
    return is_one ? fd : -1;
}

void defer_move(struct route route, SSL *ssl)
{
    struct deferred *deferred = defer_of(route, ssl);
    struct descriptor now;
    int fd = deferred ? socket_of(route.openssl, ssl) : -1;
    if (fd >= 0 && wake_identify(fd, &now) && wake_is_same_file(&now, &deferred->descriptor))
        deferred->descriptor = now;
    else if (deferred)
        defer_end(deferred);
}

static bool find_peer(struct span record, const struct peer_greeting *greeting, struct peer *peer)
{
    for (size_t i = 0; peer_at(record, i, peer); i++)
        if (peer->greeting.offer == greeting->offer &&
            span_equal(peer->greeting.server_name, greeting->server_name) &&
            config_selects(&context_get()->config, peer->endpoint.name + sizeof("https://") - 1))
            return true;
    return false;
}

static bool read_outcome(struct deferred *deferred, const struct peer_outcome *outcome)
{
    const unsigned char cipher[] = {(unsigned char)(outcome->cipher >> 8),
                                    (unsigned char)outcome->cipher};
    if (outcome->protocol.size > PROTOCOL_SIZE)
        return false;
    deferred->version = (int)outcome->version;
    deferred->cipher = deferred->openssl->SSL_CIPHER_find(deferred->ssl, cipher);
    deferred->protocol_size = outcome->protocol.size;
    memcpy(deferred->protocol, outcome->protocol.data, outcome->protocol.size);
    return deferred->cipher;
}

/* The SSL's socket, in whose place it stands. */
struct standing {
    const void *caller; /* who asks for the handshake */
    struct descriptor descriptor;
    struct dial_peer peer;
    uint64_t time_out_ms;  /* the program's for connecting; 0: none that is known */
    bool limits_handshake; /* that is its time-out for the handshake, too */
};

static struct deferred *new_deferred(const struct openssl *openssl, SSL *ssl,
                                     const struct standing *standing, const struct peer *peer)
{
    struct deferred *deferred = calloc(1, sizeof(*deferred));
    if (!deferred)
        return NULL;
    *deferred = (struct deferred){.openssl = openssl,
                                  .ssl = ssl,
                                  .phase = DEFER_OVER,
                                  .caller = standing->caller,
                                  .descriptor = standing->descriptor,
                                  .peer = standing->peer,
                                  .time_out_ms = standing->time_out_ms,
                                  .limits_handshake = standing->limits_handshake,
                                  .endpoint = peer->endpoint};
    deferred->chain = chains_decode(openssl, &peer->chain, &deferred->trust);
    if (deferred->chain && read_outcome(deferred, &peer->outcome))
        return deferred;
    free_deferred(deferred);
    return NULL;
}

/*
 * A program that asks for a stapled OCSP response is told in the handshake that there is none
 * (OpenSSL's tls_process_initial_server_flight): peers that staple one are not learned.
 */
static bool accepts_no_status(const struct openssl *openssl, SSL *ssl)
{
    SSL_CTX *context = openssl->SSL_get_SSL_CTX(ssl);
    int (*callback)(SSL *, void *) = NULL;
    void *argument = NULL;
    if (openssl->SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE, 0, NULL) < 0)
        return true;
    openssl->SSL_CTX_ctrl(context, SSL_CTRL_GET_TLSEXT_STATUS_REQ_CB, 0, &callback);
    openssl->SSL_CTX_ctrl(context, SSL_CTRL_GET_TLSEXT_STATUS_REQ_CB_ARG, 0, &argument);
    if (!callback)
        return true;
    CALLER_ENTER(openssl, ssl);
    int result = callback(ssl, argument);
    CALLER_LEAVE();
    return result > 0;
}

/* The real handshake would end well, as far as the program decides. */
static bool is_accepted(struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    SSL *ssl = deferred->ssl;
    if (!verify_chain(openssl, ssl, deferred->chain, &deferred->verified) ||
        !accepts_no_status(openssl, ssl))
        return false;
    deferred->verify_result = openssl->SSL_get_verify_result(ssl);
    return true;
}

/* Ruby has such a callback on every SSL; to most of what it is told nobody listens. */
static void tell(const struct openssl *openssl, SSL *ssl)
{
    void (*callback)(const SSL *, int, int) = openssl->SSL_get_info_callback(ssl);
    if (!callback)
        callback = openssl->SSL_CTX_get_info_callback(openssl->SSL_get_SSL_CTX(ssl));
    if (!callback)
        return;
    CALLER_ENTER(openssl, ssl);
    callback(ssl, SSL_CB_HANDSHAKE_START, 1);
    callback(ssl, SSL_CB_HANDSHAKE_DONE, 1);
    CALLER_LEAVE();
}

static bool attach(struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    defer_drop(openssl, deferred->ssl);
    if (openssl->SSL_set_ex_data(deferred->ssl, openssl->indexes.deferred, deferred) != 1)
        return false;
    deferred->phase = DEFER_WAITING;
    atomic_fetch_add(&defer_count, 1);
    return true;
}

/* VERDICT_CONNECT_DEFERRED, or why it is not. */
static enum verdict defer_known(const struct openssl *openssl, SSL *ssl,
                                const struct standing *standing, const struct peer *peer)
{
    struct deferred *deferred = new_deferred(openssl, ssl, standing, peer);
    if (!deferred)
        return VERDICT_CONNECT_UNKNOWN;
    if (!is_accepted(deferred) || !attach(deferred)) {
        free_deferred(deferred);
        return VERDICT_CONNECT_UNVERIFIED;
    }
    tell(openssl, ssl);
    return VERDICT_CONNECT_DEFERRED;
}

static enum verdict defer(const struct openssl *openssl, SSL *ssl, const struct standing *standing,
                          struct endpoint *endpoint)
{
    struct peer_address key;
    struct peer peer;
    struct buffer record = {0};
    enum verdict verdict = VERDICT_CONNECT_UNKNOWN;
    if (!openssl->SSL_in_before(ssl) || !greeting_is_plain(openssl, ssl))
        return VERDICT_CONNECT_SPECIAL;
    struct peer_greeting greeting = greeting_of(openssl, ssl);
    if (greeting_address(&standing->peer, &key) &&
        peer_recall(context_get()->cache, &key, &record) == CACHE_OK &&
        find_peer(buffer_span(&record), &greeting, &peer)) {
        *endpoint = peer.endpoint;
        verdict = defer_known(openssl, ssl, standing, &peer);
    }
    buffer_free(&record);
    return verdict;
}

static bool ran_out(const struct standing *standing)
{
    return errno == ETIMEDOUT && standing->time_out_ms > 0;
}

/* CPython is told by connect's error that there is no connection, and its handshake holds nobody
 * up. Where there is another address, it must be known whether that is to be tried; but an event
 * loop in C is not held up for it. */
static bool waits_for_connection(const struct standing *standing)
{
    enum caller_language language = caller_language(standing->caller);
    struct dial_peer next;
    return (language == CALLER_PYTHON && standing->time_out_ms > 0) ||
           (language != CALLER_OTHER && resolved_next(&standing->peer, &next));
}

/* The handshake is not answered here, and its connection is needed. */
static bool connect_for_handshake(int fd, struct standing *standing)
{
    uint64_t limit_ms = defer_connect_limit(fd, standing->time_out_ms);
    for (int tries = 1;; tries++) {
        if (standin_replace(fd, limit_ms, waits_for_connection(standing)) != STANDIN_FAILED)
            return true;
        if (tries == RESOLVED_ADDRESSES ||
            !defer_go_on_to_next(standing->caller, ran_out(standing), fd, &standing->peer))
            return false;
    }
}

/* It limits the handshake, too, if the program would not have had that block; but Ruby's module
 * waits in any case, and only Net::HTTP sets it a limit. (Ruby may not return here.) */
static void find_time_out(struct standing *standing)
{
    int fd = standing->descriptor.fd;
    standing->time_out_ms = await_time_out(fd);
    standing->limits_handshake =
        standing->time_out_ms > 0 && !defer_blocks(fd) &&
        (caller_language(standing->caller) != CALLER_RUBY || ruby_is_in_net_http());
}

/* Whether the handshake is answered here; if not, the socket is connected, or about to be. False:
 * it cannot be. */
static bool answer_handshake(struct route route, SSL *ssl, bool connects, struct standing *standing,
                             bool *is_answered)
{
    const struct openssl *openssl = route.openssl;
    struct endpoint endpoint = {{0}};
    enum verdict verdict = VERDICT_CONNECT_SPECIAL;
    int fd = socket_of(openssl, ssl);
    if (fd < 0 || !standin_find(fd, &standing->descriptor, &standing->peer))
        return true;
    find_time_out(standing);
    if (openssl->can_defer && !route.passes && (connects || !openssl->SSL_is_server(ssl))) {
        openssl->ERR_set_mark();
        CALLER_ENTER(openssl, ssl);
        verdict = defer(openssl, ssl, standing, &endpoint);
        CALLER_LEAVE();
        openssl->ERR_pop_to_mark();
    }
    defer_report(&endpoint, verdict);
    *is_answered = verdict == VERDICT_CONNECT_DEFERRED;
    return *is_answered || connect_for_handshake(fd, standing);
}

static int fail_handshake(const struct standing *standing)
{
    const struct python_failure failure = {.error = errno, .ran_out = ran_out(standing)};
    int saved = errno;
    bool is_told = defer_tell(standing->caller, &failure);
    errno = saved;
    return is_told ? 1 : -1;
}

int defer_handshake(struct route route, SSL *ssl, bool connects, const void *caller)
{
    const struct openssl *openssl = route.openssl;
    struct standing standing = {.caller = caller};
    bool is_answered = false;
    int saved = errno;
    struct deferred *deferred = defer_of(route, ssl);
    if (deferred)
        return defer_go_on(deferred);
    if (standin_exists() && !answer_handshake(route, ssl, connects, &standing, &is_answered))
        return fail_handshake(&standing);
    errno = saved;
    CALLER_ENTER(openssl, ssl);
    int result = 1;
    if (!is_answered)
        result = connects ? openssl->SSL_connect(ssl) : openssl->SSL_do_handshake(ssl);
    else if (connects)
        openssl->SSL_set_connect_state(ssl);
    CALLER_LEAVE();
    return result;
}
