/* The hooked functions of OpenSSL, as the program calls them: see tls.h. */
#include "front/tls.h"

#define EXPORT __attribute__((visibility("default")))
#define ROUTE caller_route(__builtin_return_address(0), ssl)

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

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
