/* What the program asks of an SSL's state, and what it does to it. */
#include "front/defer.h"
#include "front/tls.h"

int tls_get_error(struct route route, const SSL *ssl, int result)
{
    const struct connection *connection = connection_of(route, ssl);
    int told = result <= 0 ? defer_told(route, ssl) : 0;
    if (told)
        return told;
    int error = route.openssl->SSL_get_error(ssl, result);
    bool is_end = result <= 0 && connection_is_ours(connection) && connection->was_answered &&
                  connection->has_ended;
    /* An error left in the queue is what the real function would speak of first. */
    return is_end && error != SSL_ERROR_SSL ? SSL_ERROR_ZERO_RETURN : error;
}

int tls_want(struct route route, const SSL *ssl)
{
    const struct connection *connection = connection_of(route, ssl);
    bool was_answered = connection_is_ours(connection) && connection->was_answered;
    int told = defer_told(route, ssl);
    if (told == SSL_ERROR_WANT_READ)
        return SSL_READING;
    if (told == SSL_ERROR_WANT_WRITE)
        return SSL_WRITING;
    return told || was_answered ? SSL_NOTHING : route.openssl->SSL_want(ssl);
}

/* Sends its close_notify first and then, if called again, waits for the peer's. */
int tls_shutdown(struct route route, SSL *ssl)
{
    struct connection *connection = connection_of(route, ssl);
    const struct openssl *openssl = route.openssl;
    if (connection_is_ours(connection) && connection->ending.is_clean) {
        openssl->SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        return 1;
    }
    defer_forget_told(route, ssl);
    if (defer_of(route, ssl))
        return defer_shutdown(route, ssl);
    if (connection_is_ours(connection)) {
        connection->was_answered = false;
        if (openssl->SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) {
            connection_enter(connection);
            connection_leave(connection);
        }
    }
    CALLER_ENTER(openssl, ssl);
    int result = openssl->SSL_shutdown(ssl);
    CALLER_LEAVE();
    return result;
}

int tls_clear(struct route route, SSL *ssl)
{
    connection_forget(route, ssl);
    if (!route.passes)
        defer_drop(route.openssl, ssl);
    CALLER_ENTER(route.openssl, ssl);
    int result = route.openssl->SSL_clear(ssl);
    CALLER_LEAVE();
    return result;
}

/* ---- another descriptor ---- */

/* A filter may be put before the same socket in mid-connection: then it is the same connection. */
static void notice_descriptor(struct route route, SSL *ssl)
{
    const struct connection *connection = connection_of(route, ssl);
    if (connection_is_ours(connection) &&
        route.openssl->SSL_get_rfd(ssl) == connection->descriptor.fd &&
        route.openssl->SSL_get_wfd(ssl) == connection->descriptor.fd)
        return;
    connection_forget(route, ssl);
}

/* They call each other: SSL_set_fd is SSL_set_bio with a new BIO. */
#define WITH_NEW_DESCRIPTOR(call)                                                                  \
    do {                                                                                           \
        CALLER_ENTER(route.openssl, ssl);                                                          \
        call;                                                                                      \
        CALLER_LEAVE();                                                                            \
        defer_move(route, ssl);                                                                    \
        notice_descriptor(route, ssl);                                                             \
    } while (0)

int tls_set_fd(struct route route, SSL *ssl, int fd)
{
    int result;
    WITH_NEW_DESCRIPTOR(result = route.openssl->SSL_set_fd(ssl, fd));
    return result;
}

int tls_set_rfd(struct route route, SSL *ssl, int fd)
{
    int result;
    WITH_NEW_DESCRIPTOR(result = route.openssl->SSL_set_rfd(ssl, fd));
    return result;
}

int tls_set_wfd(struct route route, SSL *ssl, int fd)
{
    int result;
    WITH_NEW_DESCRIPTOR(result = route.openssl->SSL_set_wfd(ssl, fd));
    return result;
}

void tls_set_bio(struct route route, SSL *ssl, BIO *reads, BIO *writes)
{
    WITH_NEW_DESCRIPTOR(route.openssl->SSL_set_bio(ssl, reads, writes));
}

void tls_set0_rbio(struct route route, SSL *ssl, BIO *reads)
{
    WITH_NEW_DESCRIPTOR(route.openssl->SSL_set0_rbio(ssl, reads));
}

void tls_set0_wbio(struct route route, SSL *ssl, BIO *writes)
{
    WITH_NEW_DESCRIPTOR(route.openssl->SSL_set0_wbio(ssl, writes));
}
