/* Greetings: see greeting.h. */
#include "front/greeting.h"

#include "cache/key.h"
#include "exchange/context.h"

#include <netinet/in.h>
#include <string.h>

/* ---- notes ---- */

/* Attached are numbers, not pointers: nothing is to be freed. A new SSL has none of its own. */
static int index_of(const struct openssl *openssl, int class)
{
    return openssl->CRYPTO_get_ex_new_index(class, 0, NULL, NULL, NULL, NULL);
}

bool greeting_indexes(struct openssl *openssl)
{
    openssl->indexes.protocols = index_of(openssl, CRYPTO_EX_INDEX_SSL);
    openssl->indexes.context_protocols = index_of(openssl, CRYPTO_EX_INDEX_SSL_CTX);
    openssl->indexes.context_verifies = index_of(openssl, CRYPTO_EX_INDEX_SSL_CTX);
    return openssl->indexes.protocols >= 0 && openssl->indexes.context_protocols >= 0 &&
           openssl->indexes.context_verifies >= 0;
}

/* Never 0, which is that nothing was said. */
static void *number(struct span protocols)
{
    return (void *)(uintptr_t)(key_checksum(protocols.data, protocols.size) | 1);
}

void greeting_note_protocols(const struct openssl *openssl, const SSL *ssl, struct span protocols)
{
    if (openssl->can_defer)
        openssl->SSL_set_ex_data((SSL *)ssl, openssl->indexes.protocols, number(protocols));
}

void greeting_note_context_protocols(const struct openssl *openssl, SSL_CTX *context,
                                     struct span protocols)
{
    if (openssl->can_defer)
        openssl->SSL_CTX_set_ex_data(context, openssl->indexes.context_protocols,
                                     number(protocols));
}

void greeting_note_own_verification(const struct openssl *openssl, SSL_CTX *context, bool is_own)
{
    static char yes;
    if (openssl->can_defer)
        openssl->SSL_CTX_set_ex_data(context, openssl->indexes.context_verifies,
                                     is_own ? &yes : NULL);
}

/* ---- what is said ---- */

struct offer {
    uint64_t protocols;
    uint64_t options;
    int64_t lowest, highest;
    uint32_t security_level;
    uint32_t status_type; /* of stapled OCSP responses that are asked for */
    uint16_t ciphers[256];
};

static uint64_t protocols_of(const struct openssl *openssl, const SSL *ssl)
{
    const void *own = openssl->SSL_get_ex_data(ssl, openssl->indexes.protocols);
    if (own)
        return (uintptr_t)own;
    return (uintptr_t)openssl->SSL_CTX_get_ex_data(openssl->SSL_get_SSL_CTX(ssl),
                                                   openssl->indexes.context_protocols);
}

static void list_ciphers(const struct openssl *openssl, const SSL *ssl, struct offer *offer)
{
    const void *ciphers = openssl->SSL_get_ciphers(ssl);
    int count = ciphers ? openssl->OPENSSL_sk_num(ciphers) : 0;
    for (int i = 0; i < count && i < (int)(sizeof(offer->ciphers) / sizeof(*offer->ciphers)); i++)
        offer->ciphers[i] =
            openssl->SSL_CIPHER_get_protocol_id(openssl->OPENSSL_sk_value(ciphers, i));
}

struct peer_greeting greeting_of(const struct openssl *openssl, const SSL *ssl)
{
    struct offer offer;
    memset(&offer, 0, sizeof(offer)); /* its padding, too: it is hashed */
    offer.protocols = protocols_of(openssl, ssl);
    offer.options = openssl->SSL_get_options(ssl);
    offer.lowest = openssl->SSL_ctrl((SSL *)ssl, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL);
    offer.highest = openssl->SSL_ctrl((SSL *)ssl, SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL);
    offer.security_level = (uint32_t)openssl->SSL_get_security_level(ssl);
    offer.status_type =
        (uint32_t)openssl->SSL_ctrl((SSL *)ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_TYPE, 0, NULL);
    list_ciphers(openssl, ssl, &offer);
    const char *name = openssl->SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    return (struct peer_greeting){
        .server_name = name ? span_of_text(name) : (struct span){0},
        .offer = key_checksum(&offer, sizeof(offer)),
    };
}

/* SSL_ctrl(SSL_CTRL_CERT_FLAGS) with nothing to be added says which there are (ssl_lib.c). */
static bool is_suite_b(const struct openssl *openssl, SSL *ssl)
{
    return openssl->SSL_ctrl(ssl, SSL_CTRL_CERT_FLAGS, 0, NULL) & SSL_CERT_FLAG_SUITEB_128_LOS;
}

bool greeting_is_plain(const struct openssl *openssl, SSL *ssl)
{
    SSL_CTX *context = openssl->SSL_get_SSL_CTX(ssl);
    return !openssl->SSL_get_certificate(ssl) && !openssl->SSL_CTX_get_client_cert_cb(context) &&
           !openssl->SSL_get_session(ssl) &&
           !openssl->SSL_CTX_get_ex_data(context, openssl->indexes.context_verifies) &&
           !openssl->SSL_ct_is_enabled(ssl) && !is_suite_b(openssl, ssl);
}

bool greeting_address(const struct dial_peer *peer, struct peer_address *address)
{
    const void *any = &peer->address;
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (peer->size >= sizeof(struct sockaddr_in) && peer->address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = any;
        memcpy(address->bytes, mapped, sizeof(mapped));
        memcpy(address->bytes + 12, &v4->sin_addr, 4);
        memcpy(address->bytes + 16, &v4->sin_port, 2);
        return true;
    }
    const struct sockaddr_in6 *v6 = any;
    if (peer->size < sizeof(*v6) || peer->address.ss_family != AF_INET6 ||
        IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) || IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return false;
    memcpy(address->bytes, &v6->sin6_addr, 16);
    memcpy(address->bytes + 16, &v6->sin6_port, 2);
    return true;
}

/* ---- what came of it ---- */

/* Appends the certificate and says where it is; false on failure. */
static bool append_certificate(const struct openssl *openssl, X509 *certificate,
                               struct buffer *bytes, size_t *size)
{
    unsigned char *encoded = NULL;
    int length = openssl->i2d_X509(certificate, &encoded);
    if (length <= 0)
        return false;
    *size = (size_t)length;
    bool is_appended = buffer_append(bytes, encoded, *size);
    openssl->CRYPTO_free(encoded, __FILE__, __LINE__);
    return is_appended;
}

/* The chain as the origin sent it; it points into `bytes`. */
static bool read_chain(const struct openssl *openssl, const SSL *ssl, struct buffer *bytes,
                       struct peer_chain *chain)
{
    const void *certificates = openssl->SSL_get_peer_cert_chain(ssl);
    int count = certificates ? openssl->OPENSSL_sk_num(certificates) : 0;
    size_t sizes[PEER_CERTIFICATES] = {0};
    if (count <= 0 || count > PEER_CERTIFICATES)
        return false;
    for (int i = 0; i < count; i++)
        if (!append_certificate(openssl, openssl->OPENSSL_sk_value(certificates, i), bytes,
                                &sizes[i]))
            return false;
    chain->count = (size_t)count;
    size_t at = 0;
    for (size_t i = 0; i < chain->count; i++) {
        chain->certificates[i] = (struct span){bytes->data + at, sizes[i]};
        at += sizes[i];
    }
    return true;
}

/* A response that was stapled would have to be stapled again. */
static bool is_stapled(const struct openssl *openssl, SSL *ssl)
{
    unsigned char *response = NULL;
    return openssl->SSL_ctrl(ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &response) > 0;
}

static bool read_outcome(const struct openssl *openssl, const SSL *ssl,
                         struct peer_outcome *outcome)
{
    const SSL_CIPHER *cipher = openssl->SSL_get_current_cipher(ssl);
    const unsigned char *protocol = NULL;
    unsigned size = 0;
    if (!cipher)
        return false;
    openssl->SSL_get0_alpn_selected(ssl, &protocol, &size);
    *outcome = (struct peer_outcome){
        .version = (uint32_t)openssl->SSL_version(ssl),
        .cipher = openssl->SSL_CIPHER_get_protocol_id(cipher),
        .protocol = {protocol, size},
    };
    return true;
}

bool greeting_learn(const struct connection *connection, const struct peer_address *address,
                    const struct endpoint *endpoint)
{
    const struct openssl *openssl = connection->openssl;
    SSL *ssl = connection->ssl;
    struct buffer bytes = {0};
    if (!openssl->can_defer)
        return false;
    openssl->ERR_set_mark();
    CALLER_ENTER(openssl, ssl);
    struct peer peer = {.endpoint = *endpoint, .greeting = greeting_of(openssl, ssl)};
    bool is_learned = !openssl->SSL_session_reused(ssl) && !is_stapled(openssl, ssl) &&
                      read_outcome(openssl, ssl, &peer.outcome) &&
                      read_chain(openssl, ssl, &bytes, &peer.chain) &&
                      peer_learn(context_get()->cache, address, &peer) == CACHE_OK;
    CALLER_LEAVE();
    openssl->ERR_pop_to_mark();
    buffer_free(&bytes);
    return is_learned;
}
