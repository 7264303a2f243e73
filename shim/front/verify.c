/* Verification: see verify.h. */
#include "front/verify.h"

static X509_STORE *store_of(const struct openssl *openssl, SSL *ssl)
{
    X509_STORE *store = NULL;
    openssl->SSL_ctrl(ssl, SSL_CTRL_GET_VERIFY_CERT_STORE, 0, &store);
    return store ? store : openssl->SSL_CTX_get_cert_store(openssl->SSL_get_SSL_CTX(ssl));
}

/* The parameters of the SSL stand above those that are the purpose's. */
static bool prepare(const struct openssl *openssl, SSL *ssl, STACK_OF(X509) * chain,
                    X509_STORE_CTX *context)
{
    X509 *leaf = openssl->OPENSSL_sk_value((OPENSSL_STACK *)chain, 0);
    if (!openssl->X509_STORE_CTX_init(context, store_of(openssl, ssl), leaf, chain))
        return false;
    X509_VERIFY_PARAM *parameters = openssl->X509_STORE_CTX_get0_param(context);
    openssl->X509_VERIFY_PARAM_set_auth_level(parameters, openssl->SSL_get_security_level(ssl));
    if (!openssl->X509_STORE_CTX_set_ex_data(context, openssl->SSL_get_ex_data_X509_STORE_CTX_idx(),
                                             ssl))
        return false;
    openssl->X509_STORE_CTX_set_default(context, "ssl_server");
    openssl->X509_VERIFY_PARAM_set1(parameters, openssl->SSL_get0_param(ssl));
    SSL_verify_cb callback = openssl->SSL_get_verify_callback(ssl);
    if (callback)
        openssl->X509_STORE_CTX_set_verify_cb(context, callback);
    return true;
}

static bool verify(const struct openssl *openssl, SSL *ssl, X509_STORE_CTX *context,
                   STACK_OF(X509) * *verified)
{
    CALLER_ENTER(openssl, ssl);
    int result = openssl->X509_verify_cert(context);
    CALLER_LEAVE();
    openssl->SSL_set_verify_result(ssl, openssl->X509_STORE_CTX_get_error(context));
    *verified = openssl->X509_STORE_CTX_get1_chain(context);
    openssl->X509_VERIFY_PARAM_move_peername(openssl->SSL_get0_param(ssl),
                                             openssl->X509_STORE_CTX_get0_param(context));
    return result > 0 || openssl->SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE;
}

bool verify_chain(const struct openssl *openssl, SSL *ssl, STACK_OF(X509) * chain,
                  STACK_OF(X509) * *verified)
{
    *verified = NULL;
    openssl->ERR_set_mark();
    X509_STORE_CTX *context = openssl->X509_STORE_CTX_new();
    bool goes_on =
        context && prepare(openssl, ssl, chain, context) && verify(openssl, ssl, context, verified);
    if (context)
        openssl->X509_STORE_CTX_free(context);
    openssl->ERR_pop_to_mark();
    return goes_on;
}
