/* The program's callbacks, when the real handshake follows the one that was put off: see
 * defer_parts.h. */
#include "front/defer_parts.h"

/* Whose handshake this thread is in. */
static _Thread_local struct deferred *shaking;

bool defer_is_shown(const struct deferred *deferred, const X509 *certificate)
{
    const struct openssl *openssl = deferred->openssl;
    OPENSSL_STACK *chain = (OPENSSL_STACK *)deferred->chain;
    return certificate && openssl->X509_cmp(certificate, openssl->OPENSSL_sk_value(chain, 0)) == 0;
}

static int verify_again(int is_ok, X509_STORE_CTX *context)
{
    return defer_is_shown(shaking, shaking->openssl->X509_STORE_CTX_get0_cert(context))
               ? 1
               : shaking->own.verify(is_ok, context);
}

static void tell_nobody(const SSL *ssl, int where, int value)
{
    (void)ssl, (void)where, (void)value;
}

void defer_spare_callbacks(struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    SSL *ssl = deferred->ssl;
    shaking = deferred;
    deferred->own = (struct callbacks){openssl->SSL_get_verify_callback(ssl),
                                       openssl->SSL_get_info_callback(ssl)};
    if (deferred->own.verify)
        openssl->SSL_set_verify(ssl, openssl->SSL_get_verify_mode(ssl), verify_again);
    openssl->SSL_set_info_callback(ssl, tell_nobody);
}

void defer_restore_callbacks(const struct deferred *deferred)
{
    const struct openssl *openssl = deferred->openssl;
    SSL *ssl = deferred->ssl;
    if (deferred->own.verify)
        openssl->SSL_set_verify(ssl, openssl->SSL_get_verify_mode(ssl), deferred->own.verify);
    openssl->SSL_set_info_callback(ssl, deferred->own.info);
    shaking = NULL;
}
