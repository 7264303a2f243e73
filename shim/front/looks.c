/*
 * What the program sees of an SSL: of a deferred one what is known of its peer; what only the peer
 * can say makes the connection first.
 */
#include "front/defer_parts.h"
#include "front/tls.h"

#define KNOWN_OR_REAL(known, real)                                                                 \
    do {                                                                                           \
        const struct deferred *deferred = defer_of(route, ssl);                                    \
        return deferred ? (known) : route.openssl->real;                                           \
    } while (0)

int tls_is_init_finished(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(1, SSL_is_init_finished(ssl));
}

int tls_in_init(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(0, SSL_in_init(ssl));
}

int tls_in_before(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(0, SSL_in_before(ssl));
}

OSSL_HANDSHAKE_STATE tls_get_state(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(TLS_ST_OK, SSL_get_state(ssl));
}

const char *tls_state_string(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL("SSLOK", SSL_state_string(ssl));
}

const char *tls_state_string_long(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL("SSL negotiation finished successfully", SSL_state_string_long(ssl));
}

int tls_version(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(deferred->version, SSL_version(ssl));
}

static const char *version_name(int version)
{
    switch (version) {
    case TLS1_3_VERSION:
        return "TLSv1.3";
    case TLS1_2_VERSION:
        return "TLSv1.2";
    case TLS1_1_VERSION:
        return "TLSv1.1";
    case TLS1_VERSION:
        return "TLSv1";
    default:
        return "unknown";
    }
}

const char *tls_get_version(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(version_name(deferred->version), SSL_get_version(ssl));
}

const SSL_CIPHER *tls_get_current_cipher(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(deferred->cipher, SSL_get_current_cipher(ssl));
}

void tls_get0_alpn_selected(struct route route, const SSL *ssl, const unsigned char **protocol,
                            unsigned *size)
{
    const struct deferred *deferred = defer_of(route, ssl);
    if (!deferred) {
        route.openssl->SSL_get0_alpn_selected(ssl, protocol, size);
        return;
    }
    *protocol = deferred->protocol_size > 0 ? deferred->protocol : NULL;
    *size = (unsigned)deferred->protocol_size;
}

/* ---- certificates ---- */

static X509 *leaf_of(const struct deferred *deferred)
{
    return deferred->openssl->OPENSSL_sk_value((OPENSSL_STACK *)deferred->chain, 0);
}

X509 *tls_get0_peer_certificate(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(leaf_of(deferred), SSL_get0_peer_certificate(ssl));
}

X509 *tls_get1_peer_certificate(struct route route, const SSL *ssl)
{
    const struct deferred *deferred = defer_of(route, ssl);
    if (!deferred)
        return route.openssl->SSL_get1_peer_certificate(ssl);
    X509 *leaf = leaf_of(deferred);
    return route.openssl->X509_up_ref(leaf) == 1 ? leaf : NULL;
}

STACK_OF(X509) * tls_get_peer_cert_chain(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(deferred->chain, SSL_get_peer_cert_chain(ssl));
}

STACK_OF(X509) * tls_get0_verified_chain(struct route route, const SSL *ssl)
{
    KNOWN_OR_REAL(deferred->verified, SSL_get0_verified_chain(ssl));
}

/* ---- what only the peer can say ---- */

size_t tls_get_finished(struct route route, const SSL *ssl, void *bytes, size_t size)
{
    defer_settle_at_once(route, ssl);
    return route.openssl->SSL_get_finished(ssl, bytes, size);
}

size_t tls_get_peer_finished(struct route route, const SSL *ssl, void *bytes, size_t size)
{
    defer_settle_at_once(route, ssl);
    return route.openssl->SSL_get_peer_finished(ssl, bytes, size);
}

size_t tls_get_client_random(struct route route, const SSL *ssl, unsigned char *bytes, size_t size)
{
    defer_settle_at_once(route, ssl);
    return route.openssl->SSL_get_client_random(ssl, bytes, size);
}

size_t tls_get_server_random(struct route route, const SSL *ssl, unsigned char *bytes, size_t size)
{
    defer_settle_at_once(route, ssl);
    return route.openssl->SSL_get_server_random(ssl, bytes, size);
}

int tls_export_keying_material(struct route route, SSL *ssl, const struct keying_material *wanted)
{
    defer_settle_at_once(route, ssl);
    return route.openssl->SSL_export_keying_material(
        ssl, wanted->bytes, wanted->size, wanted->label, wanted->label_size, wanted->context,
        wanted->context_size, wanted->uses_context);
}

/* What the two ends have agreed on for the keys of this connection. */
static bool asks_of_keys(int command)
{
    switch (command) {
    case SSL_CTRL_GET_RI_SUPPORT:
    case SSL_CTRL_GET_EXTMS_SUPPORT:
    case SSL_CTRL_GET_SIGNATURE_NID:
    case SSL_CTRL_GET_PEER_SIGNATURE_NID:
    case SSL_CTRL_GET_TMP_KEY:
    case SSL_CTRL_GET_PEER_TMP_KEY:
    case SSL_CTRL_GET_NEGOTIATED_GROUP:
        return true;
    default:
        return false;
    }
}

/* The real function is not asked in vain: without a session it looks for the group at address 0. */
long tls_ctrl(struct route route, SSL *ssl, int command, long number, void *pointer)
{
    if (asks_of_keys(command) && !defer_settle_at_once(route, ssl))
        return 0;
    return route.openssl->SSL_ctrl(ssl, command, number, pointer);
}

int tls_renegotiate(struct route route, SSL *ssl)
{
    return defer_settle_at_once(route, ssl) ? route.openssl->SSL_renegotiate(ssl) : 0;
}

int tls_renegotiate_abbreviated(struct route route, SSL *ssl)
{
    return defer_settle_at_once(route, ssl) ? route.openssl->SSL_renegotiate_abbreviated(ssl) : 0;
}

int tls_key_update(struct route route, SSL *ssl, int type)
{
    return defer_settle_at_once(route, ssl) ? route.openssl->SSL_key_update(ssl, type) : 0;
}
