/*
 * What an exchange asks of the OpenSSL front: who the peer is, and what the program can bear.
 */
#include "front/trust.h"
#include "front/defer.h"
#include "front/greeting.h"

#include "exchange/context.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool trust_digest(const struct openssl *openssl, const X509 *certificate, bool is_verified,
                  struct trust *trust)
{
    unsigned char seen[EVP_MAX_MD_SIZE + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (openssl->X509_digest(certificate, openssl->EVP_sha256(), seen, &size) != 1)
        return false;
    seen[size] = is_verified;
    if (openssl->EVP_Digest(seen, size + 1, digest, &size, openssl->EVP_sha256(), NULL) != 1)
        return false;
    memcpy(trust->digest, digest, sizeof(trust->digest));
    return true;
}

static bool digest_peer(const struct connection *connection, struct trust *trust)
{
    const struct openssl *openssl = connection->openssl;
    bool is_verified = (openssl->SSL_get_verify_mode(connection->ssl) & SSL_VERIFY_PEER) &&
                       openssl->SSL_get_verify_result(connection->ssl) == X509_V_OK;
    if (defer_trust(openssl, connection->ssl, is_verified, trust))
        return true;
    X509 *certificate = openssl->get_peer_certificate(connection->ssl);
    if (!certificate)
        return false;
    bool is_whole = trust_digest(openssl, certificate, is_verified, trust);
    openssl->X509_free(certificate);
    return is_whole;
}

static bool trust(void *connection_, struct trust *trust)
{
    const struct connection *connection = connection_;
    int saved = errno;
    connection->openssl->ERR_set_mark();
    CALLER_ENTER(connection->openssl, connection->ssl);
    bool is_known = digest_peer(connection, trust);
    CALLER_LEAVE();
    connection->openssl->ERR_pop_to_mark();
    errno = saved;
    return is_known;
}

static bool peer_name(void *connection_, char *name, size_t size)
{
    const struct connection *connection = connection_;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t address_size = sizeof(address);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    int saved = errno;
    bool is_known =
        getpeername(connection->descriptor.fd, (struct sockaddr *)&address, &address_size) == 0 &&
        (address.ss_family == AF_INET || address.ss_family == AF_INET6) &&
        getnameinfo((struct sockaddr *)&address, address_size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0;
    errno = saved;
    if (!is_known)
        return false;
    bool is_v6 = address.ss_family == AF_INET6;
    int length = snprintf(name, size, "%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    return length > 0 && (size_t)length < size;
}

static bool may_wait(void *connection_)
{
    const struct connection *connection = connection_;
    int saved = errno;
    int flags = fcntl(connection->descriptor.fd, F_GETFL);
    errno = saved;
    return flags >= 0 && !(flags & O_NONBLOCK);
}

/*
 * Announced first and asked then: a thread that goes to sleep from here on sees the announcement,
 * and one that slept before is seen here.
 */
static bool may_answer(void *connection_)
{
    struct connection *connection = connection_;
    int saved = errno;
    if (!connection->wake)
        connection->wake = wake_announce(&connection->descriptor, connection);
    if (connection->wake)
        wake_show(connection->wake, true);
    bool may = connection->wake && wake_reaches_all(&connection->descriptor) &&
               (epoll_is_shown() || may_wait(connection));
    errno = saved;
    return may;
}

/* By its own address alone: what a proxy's leads to is decided anew by each program. A connection
 * that is not real yet has nothing to teach. */
static void heard(void *connection_, const struct endpoint *endpoint)
{
    struct connection *connection = connection_;
    struct route route = {connection->openssl, false};
    struct peer_address address;
    int saved = errno;
    if (!defer_of(route, connection->ssl) &&
        dial_port(&connection->peer) == exchange_port(connection->exchange) &&
        greeting_address(&connection->peer, &address)) {
        if (!connection->has_learned)
            connection->is_learned = greeting_learn(connection, &address, endpoint);
        connection->has_learned = true;
        if (connection->is_learned)
            peer_touch(context_get()->cache, &address);
    }
    errno = saved;
}

const struct exchange_front connection_front = {
    .trust = trust,
    .peer_name = peer_name,
    .may_wait = may_wait,
    .may_answer = may_answer,
    .heard = heard,
    .connects_late = true,
};
