/* The hooked functions of OpenSSL, as the program calls them: see tls.h. */
#include "front/tls.h"

#define EXPORT __attribute__((visibility("default")))
#define ROUTE caller_route(__builtin_return_address(0), ssl)
/* A context refers to its library as an SSL does. */
#define CONTEXT_ROUTE caller_route(__builtin_return_address(0), (const SSL *)(const void *)context)

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): its headers' names are its own
 */

EXPORT int SSL_read(SSL *ssl, void *bytes, int size)
{
    return tls_read(ROUTE, ssl, bytes, size);
}

EXPORT int SSL_read_ex(SSL *ssl, void *bytes, size_t size, size_t *done)
{
    return tls_read_ex(ROUTE, ssl, bytes, size, done);
}

EXPORT int SSL_peek(SSL *ssl, void *bytes, int size)
{
    return tls_peek(ROUTE, ssl, bytes, size);
}

EXPORT int SSL_peek_ex(SSL *ssl, void *bytes, size_t size, size_t *done)
{
    return tls_peek_ex(ROUTE, ssl, bytes, size, done);
}

EXPORT int SSL_write(SSL *ssl, const void *bytes, int size)
{
    return tls_write(ROUTE, ssl, bytes, size);
}

EXPORT int SSL_write_ex(SSL *ssl, const void *bytes, size_t size, size_t *done)
{
    return tls_write_ex(ROUTE, ssl, bytes, size, done);
}

EXPORT ossl_ssize_t SSL_sendfile(SSL *ssl, int fd, off_t offset, size_t size, int flags)
{
    return tls_sendfile(ROUTE, ssl, fd, offset, size, flags);
}

EXPORT int SSL_pending(const SSL *ssl)
{
    return tls_pending(ROUTE, ssl);
}

EXPORT int SSL_has_pending(const SSL *ssl)
{
    return tls_has_pending(ROUTE, ssl);
}

EXPORT int SSL_get_error(const SSL *ssl, int result)
{
    return tls_get_error(ROUTE, ssl, result);
}

EXPORT int SSL_want(const SSL *ssl)
{
    return tls_want(ROUTE, ssl);
}

EXPORT int SSL_shutdown(SSL *ssl)
{
    return tls_shutdown(ROUTE, ssl);
}

EXPORT int SSL_clear(SSL *ssl)
{
    return tls_clear(ROUTE, ssl);
}

EXPORT int SSL_set_fd(SSL *ssl, int fd)
{
    return tls_set_fd(ROUTE, ssl, fd);
}

EXPORT int SSL_set_rfd(SSL *ssl, int fd)
{
    return tls_set_rfd(ROUTE, ssl, fd);
}

EXPORT int SSL_set_wfd(SSL *ssl, int fd)
{
    return tls_set_wfd(ROUTE, ssl, fd);
}

EXPORT void SSL_set_bio(SSL *ssl, BIO *reads, BIO *writes)
{
    tls_set_bio(ROUTE, ssl, reads, writes);
}

EXPORT void SSL_set0_rbio(SSL *ssl, BIO *reads)
{
    tls_set0_rbio(ROUTE, ssl, reads);
}

EXPORT void SSL_set0_wbio(SSL *ssl, BIO *writes)
{
    tls_set0_wbio(ROUTE, ssl, writes);
}

EXPORT int SSL_connect(SSL *ssl)
{
    return tls_connect(ROUTE, ssl, __builtin_return_address(0));
}

EXPORT int SSL_do_handshake(SSL *ssl)
{
    return tls_do_handshake(ROUTE, ssl, __builtin_return_address(0));
}

EXPORT int SSL_is_init_finished(const SSL *ssl)
{
    return tls_is_init_finished(ROUTE, ssl);
}

EXPORT int SSL_in_init(const SSL *ssl)
{
    return tls_in_init(ROUTE, ssl);
}

EXPORT int SSL_in_before(const SSL *ssl)
{
    return tls_in_before(ROUTE, ssl);
}

EXPORT OSSL_HANDSHAKE_STATE SSL_get_state(const SSL *ssl)
{
    return tls_get_state(ROUTE, ssl);
}

EXPORT const char *SSL_state_string(const SSL *ssl)
{
    return tls_state_string(ROUTE, ssl);
}

EXPORT const char *SSL_state_string_long(const SSL *ssl)
{
    return tls_state_string_long(ROUTE, ssl);
}

EXPORT int SSL_version(const SSL *ssl)
{
    return tls_version(ROUTE, ssl);
}

EXPORT const char *SSL_get_version(const SSL *ssl)
{
    return tls_get_version(ROUTE, ssl);
}

EXPORT const SSL_CIPHER *SSL_get_current_cipher(const SSL *ssl)
{
    return tls_get_current_cipher(ROUTE, ssl);
}

EXPORT X509 *SSL_get0_peer_certificate(const SSL *ssl)
{
    return tls_get0_peer_certificate(ROUTE, ssl);
}

EXPORT X509 *SSL_get1_peer_certificate(const SSL *ssl)
{
    return tls_get1_peer_certificate(ROUTE, ssl);
}

EXPORT STACK_OF(X509) * SSL_get_peer_cert_chain(const SSL *ssl)
{
    return tls_get_peer_cert_chain(ROUTE, ssl);
}

EXPORT STACK_OF(X509) * SSL_get0_verified_chain(const SSL *ssl)
{
    return tls_get0_verified_chain(ROUTE, ssl);
}

EXPORT long SSL_ctrl(SSL *ssl, int command, long number, void *pointer)
{
    return tls_ctrl(ROUTE, ssl, command, number, pointer);
}

EXPORT int SSL_renegotiate(SSL *ssl)
{
    return tls_renegotiate(ROUTE, ssl);
}

EXPORT int SSL_renegotiate_abbreviated(SSL *ssl)
{
    return tls_renegotiate_abbreviated(ROUTE, ssl);
}

EXPORT void SSL_get0_alpn_selected(const SSL *ssl, const unsigned char **protocol, unsigned *size)
{
    tls_get0_alpn_selected(ROUTE, ssl, protocol, size);
}

EXPORT size_t SSL_get_finished(const SSL *ssl, void *bytes, size_t size)
{
    return tls_get_finished(ROUTE, ssl, bytes, size);
}

EXPORT size_t SSL_get_peer_finished(const SSL *ssl, void *bytes, size_t size)
{
    return tls_get_peer_finished(ROUTE, ssl, bytes, size);
}

EXPORT size_t SSL_get_client_random(const SSL *ssl, unsigned char *bytes, size_t size)
{
    return tls_get_client_random(ROUTE, ssl, bytes, size);
}

EXPORT size_t SSL_get_server_random(const SSL *ssl, unsigned char *bytes, size_t size)
{
    return tls_get_server_random(ROUTE, ssl, bytes, size);
}

EXPORT int SSL_export_keying_material(SSL *ssl, unsigned char *bytes, size_t size,
                                      const char *label, size_t label_size,
                                      const unsigned char *context, size_t context_size,
                                      int uses_context)
{
    struct keying_material wanted = {bytes,   size,         label,       label_size,
                                     context, context_size, uses_context};
    return tls_export_keying_material(ROUTE, ssl, &wanted);
}

EXPORT int SSL_key_update(SSL *ssl, int type)
{
    return tls_key_update(ROUTE, ssl, type);
}

EXPORT int SSL_set_alpn_protos(SSL *ssl, const unsigned char *protocols, unsigned size)
{
    return tls_set_alpn_protos(ROUTE, ssl, protocols, size);
}

EXPORT int SSL_CTX_set_alpn_protos(SSL_CTX *context, const unsigned char *protocols, unsigned size)
{
    return tls_context_set_alpn_protos(CONTEXT_ROUTE, context, protocols, size);
}

EXPORT void SSL_CTX_set_cert_verify_callback(SSL_CTX *context,
                                             int (*verify)(X509_STORE_CTX *, void *),
                                             void *argument)
{
    tls_context_set_cert_verify_callback(CONTEXT_ROUTE, context, verify, argument);
}

EXPORT int SSL_CTX_dane_enable(SSL_CTX *context)
{
    return tls_context_dane_enable(CONTEXT_ROUTE, context);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
