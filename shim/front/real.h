/*
 * Real functions: what the hooks stand in for, and what else of OpenSSL the front needs.
 *
 * libc's are the next in the global scope and found once. OpenSSL's are one table for each libssl
 * in the process (1.1 and 3 may both be there), filled before anybody sees it and immutable then.
 * libcurl's are in real_curl.h.
 * Thread-safe; no locks; a table lives as long as the process.
 */
#ifndef VCACHE_FRONT_REAL_H
#define VCACHE_FRONT_REAL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* NOLINTNEXTLINE(bugprone-macro-parentheses): declarations cannot have them */
#define HOOK_DECLARE(name, type, arguments) type(*name) arguments;
#define HOOK_IGNORE(name, type, arguments)

/* ---- libc ---- */

struct libc {
#define HOOK_LIBC HOOK_DECLARE
#define HOOK_OPENSSL HOOK_IGNORE
#define HOOK_CURL HOOK_IGNORE
#define HOOK(name, type, arguments, library) HOOK_##library(name, type, arguments)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_LIBC
#undef HOOK_CURL
#undef HOOK_OPENSSL
};

extern struct libc libc_functions;
extern atomic_bool libc_is_found;
/* Finds them. A name that this libc lacks is a function that fails with ENOSYS. */
void libc_find(void);

/* For hooks that may run before the constructor that finds them. */
static inline const struct libc *libc_real(void)
{
    if (__builtin_expect(!atomic_load_explicit(&libc_is_found, memory_order_acquire), 0))
        libc_find();
    return &libc_functions;
}

/* ---- OpenSSL ---- */

/* Needed beside the hooked ones; without one of them every connection passes. */
#define OPENSSL_NEEDED(F)                                                                          \
    F(SSL_get_ex_data)                                                                             \
    F(SSL_set_ex_data)                                                                             \
    F(CRYPTO_get_ex_new_index)                                                                     \
    F(SSL_get_rfd)                                                                                 \
    F(SSL_get_wfd)                                                                                 \
    F(SSL_is_server)                                                                               \
    F(SSL_get_shutdown)                                                                            \
    F(SSL_set_shutdown)                                                                            \
    F(SSL_get_verify_mode)                                                                         \
    F(SSL_get_verify_result)                                                                       \
    F(X509_digest)                                                                                 \
    F(X509_free)                                                                                   \
    F(EVP_sha256)                                                                                  \
    F(EVP_Digest)                                                                                  \
    F(SSL_get_rbio)                                                                                \
    F(SSL_get_wbio)                                                                                \
    F(BIO_test_flags)                                                                              \
    F(BIO_clear_flags)                                                                             \
    F(ERR_peek_last_error)                                                                         \
    F(ERR_set_mark)                                                                                \
    F(ERR_pop_to_mark)                                                                             \
    F(ERR_clear_last_mark)

/* Needed for deferring connections (defer.h); without one of them, as in OpenSSL 1.1, every
 * connection is made at once. */
#define OPENSSL_DEFERRING(F)                                                                       \
    F(CRYPTO_free)                                                                                 \
    F(OPENSSL_sk_new_null)                                                                         \
    F(OPENSSL_sk_num)                                                                              \
    F(OPENSSL_sk_pop_free)                                                                         \
    F(OPENSSL_sk_push)                                                                             \
    F(OPENSSL_sk_value)                                                                            \
    F(SSL_CIPHER_find)                                                                             \
    F(SSL_CIPHER_get_protocol_id)                                                                  \
    F(SSL_CTX_ctrl)                                                                                \
    F(SSL_CTX_get_cert_store)                                                                      \
    F(SSL_CTX_get_client_cert_cb)                                                                  \
    F(SSL_CTX_get_ex_data)                                                                         \
    F(SSL_CTX_get_info_callback)                                                                   \
    F(SSL_CTX_set_ex_data)                                                                         \
    F(SSL_ct_is_enabled)                                                                           \
    F(SSL_get0_param)                                                                              \
    F(SSL_get_SSL_CTX)                                                                             \
    F(SSL_get_certificate)                                                                         \
    F(SSL_get_ciphers)                                                                             \
    F(SSL_get_ex_data_X509_STORE_CTX_idx)                                                          \
    F(SSL_get_info_callback)                                                                       \
    F(SSL_get_options)                                                                             \
    F(SSL_get_quiet_shutdown)                                                                      \
    F(SSL_get_security_level)                                                                      \
    F(SSL_get_servername)                                                                          \
    F(SSL_get_session)                                                                             \
    F(SSL_get_verify_callback)                                                                     \
    F(SSL_session_reused)                                                                          \
    F(SSL_set_connect_state)                                                                       \
    F(SSL_set_info_callback)                                                                       \
    F(SSL_set_verify)                                                                              \
    F(SSL_set_verify_result)                                                                       \
    F(X509_STORE_CTX_free)                                                                         \
    F(X509_STORE_CTX_get0_cert)                                                                    \
    F(X509_STORE_CTX_get0_param)                                                                   \
    F(X509_STORE_CTX_get1_chain)                                                                   \
    F(X509_STORE_CTX_get_error)                                                                    \
    F(X509_STORE_CTX_init)                                                                         \
    F(X509_STORE_CTX_new)                                                                          \
    F(X509_STORE_CTX_set_default)                                                                  \
    F(X509_STORE_CTX_set_ex_data)                                                                  \
    F(X509_STORE_CTX_set_verify_cb)                                                                \
    F(X509_VERIFY_PARAM_move_peername)                                                             \
    F(X509_VERIFY_PARAM_set1)                                                                      \
    F(X509_VERIFY_PARAM_set_auth_level)                                                            \
    F(X509_check_purpose)                                                                          \
    F(X509_cmp)                                                                                    \
    F(X509_up_ref)                                                                                 \
    F(X509_verify_cert)                                                                            \
    F(d2i_X509)                                                                                    \
    F(i2d_X509)

struct openssl {
#define HOOK_LIBC HOOK_IGNORE
#define HOOK_CURL HOOK_IGNORE
#define HOOK_OPENSSL HOOK_DECLARE
#define HOOK(name, type, arguments, library) HOOK_##library(name, type, arguments)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_LIBC
#undef HOOK_CURL
#undef HOOK_OPENSSL
/* NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define OPENSSL_MEMBER(name) __typeof__(name) *name;
    OPENSSL_NEEDED(OPENSSL_MEMBER)
    OPENSSL_DEFERRING(OPENSSL_MEMBER)
#undef OPENSSL_MEMBER
    /* SSL_get_peer_certificate until 1.1, SSL_get1_peer_certificate since 3.0: with a reference. */
    X509 *(*get_peer_certificate)(const SSL *ssl);
    /* How an error is put into the queue: the first two since 3.0, ERR_put_error before. Those that
     * the library lacks do nothing. */
    __typeof__(ERR_new) *ERR_new;
    __typeof__(ERR_set_error) *ERR_set_error;
    void (*put_error)(int library, int function, int reason, const char *file, int line);

    bool is_complete; /* false: every connection passes */
    bool can_defer;   /* false: none is deferred */
    int index;        /* of a connection's state among the SSL's extra data */
    /* Likewise, of what deferring needs to know (defer.h, greeting.h). */
    struct {
        int deferred, protocols, context_protocols, context_verifies;
    } indexes;
    uintptr_t start, end; /* where the library lies in memory */
    struct openssl *next;
};

/* Whether there is any libssl in the process. */
bool openssl_is_loaded(void);

/* The table of the libssl that has this real function, or NULL without memory. */
const struct openssl *openssl_with(const void *function);

/* The table of the loaded libssl that made this SSL, or NULL if it cannot be told. */
const struct openssl *openssl_that_made(const SSL *ssl);

/* Whether the SSL refers to that library, as one that it made does (to its method). */
bool openssl_made(const struct openssl *openssl, const SSL *ssl);

/* Whether the SSL's last call, which did not succeed, is to be repeated when the socket is ready.
 * (SSL_get_error cannot tell while older errors of the program are in the queue.) */
bool openssl_put_off(const struct openssl *openssl, const SSL *ssl);

/* Puts an error into the thread's queue. errno is kept. */
void openssl_queue_error(const struct openssl *openssl, int library, int reason);

/* A table whose every function does nothing and returns 0, which is a failure to their callers: the
 * last resort, so that even then nothing jumps to address 0. */
const struct openssl *openssl_missing(void);

#endif
