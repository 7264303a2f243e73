/* Handshakes, and what decides their outcome. */
#include "front/defer.h"
#include "front/greeting.h"
#include "front/standin.h"
#include "front/tls.h"

/* The usual case: nothing can be deferred, and nothing is. */
static bool is_plain(struct route route, const SSL *ssl)
{
    return !standin_exists() && !defer_of(route, ssl);
}

int tls_connect(struct route route, SSL *ssl, const void *caller)
{
    return is_plain(route, ssl) ? route.openssl->SSL_connect(ssl)
                                : defer_handshake(route, ssl, true, caller);
}

int tls_do_handshake(struct route route, SSL *ssl, const void *caller)
{
    return is_plain(route, ssl) ? route.openssl->SSL_do_handshake(ssl)
                                : defer_handshake(route, ssl, false, caller);
}

/* These return 0 for success. */
int tls_set_alpn_protos(struct route route, SSL *ssl, const unsigned char *protocols, unsigned size)
{
    int result = route.openssl->SSL_set_alpn_protos(ssl, protocols, size);
    if (result == 0)
        greeting_note_protocols(route.openssl, ssl, (struct span){protocols, size});
    return result;
}

int tls_context_set_alpn_protos(struct route route, SSL_CTX *context,
                                const unsigned char *protocols, unsigned size)
{
    int result = route.openssl->SSL_CTX_set_alpn_protos(context, protocols, size);
    if (result == 0)
        greeting_note_context_protocols(route.openssl, context, (struct span){protocols, size});
    return result;
}

void tls_context_set_cert_verify_callback(struct route route, SSL_CTX *context,
                                          int (*verify)(X509_STORE_CTX *, void *), void *argument)
{
    route.openssl->SSL_CTX_set_cert_verify_callback(context, verify, argument);
    greeting_note_own_verification(route.openssl, context, verify);
}

int tls_context_dane_enable(struct route route, SSL_CTX *context)
{
    int result = route.openssl->SSL_CTX_dane_enable(context);
    greeting_note_own_verification(route.openssl, context, true);
    return result;
}
