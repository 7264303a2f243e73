/*
 * The policy of the OpenSSL hooks: what each call means on a connection of ours. The exported
 * functions (openssl.c) find out where the call goes and come here; the real ones are reached
 * through the route's table and by no other way.
 */
#ifndef VCACHE_FRONT_TLS_H
#define VCACHE_FRONT_TLS_H

#include "front/connection.h"

/* write.c */
int tls_write(struct route route, SSL *ssl, const void *bytes, int size);
int tls_write_ex(struct route route, SSL *ssl, const void *bytes, size_t size, size_t *done);
ossl_ssize_t tls_sendfile(struct route route, SSL *ssl, int fd, off_t offset, size_t size,
                          int flags);

/* read.c */
int tls_read(struct route route, SSL *ssl, void *bytes, int size);
int tls_read_ex(struct route route, SSL *ssl, void *bytes, size_t size, size_t *done);
int tls_peek(struct route route, SSL *ssl, void *bytes, int size);
int tls_peek_ex(struct route route, SSL *ssl, void *bytes, size_t size, size_t *done);
int tls_pending(struct route route, const SSL *ssl);
int tls_has_pending(struct route route, const SSL *ssl);

/* handshake.c */
int tls_connect(struct route route, SSL *ssl, const void *caller);
int tls_do_handshake(struct route route, SSL *ssl, const void *caller);
int tls_set_alpn_protos(struct route route, SSL *ssl, const unsigned char *protocols,
                        unsigned size);
int tls_context_set_alpn_protos(struct route route, SSL_CTX *context,
                                const unsigned char *protocols, unsigned size);
void tls_context_set_cert_verify_callback(struct route route, SSL_CTX *context,
                                          int (*verify)(X509_STORE_CTX *, void *), void *argument);
int tls_context_dane_enable(struct route route, SSL_CTX *context);

/* looks.c */
int tls_is_init_finished(struct route route, const SSL *ssl);
int tls_in_init(struct route route, const SSL *ssl);
int tls_in_before(struct route route, const SSL *ssl);
OSSL_HANDSHAKE_STATE tls_get_state(struct route route, const SSL *ssl);
const char *tls_state_string(struct route route, const SSL *ssl);
const char *tls_state_string_long(struct route route, const SSL *ssl);
int tls_version(struct route route, const SSL *ssl);
const char *tls_get_version(struct route route, const SSL *ssl);
const SSL_CIPHER *tls_get_current_cipher(struct route route, const SSL *ssl);
void tls_get0_alpn_selected(struct route route, const SSL *ssl, const unsigned char **protocol,
                            unsigned *size);
X509 *tls_get0_peer_certificate(struct route route, const SSL *ssl);
X509 *tls_get1_peer_certificate(struct route route, const SSL *ssl);
STACK_OF(X509) * tls_get_peer_cert_chain(struct route route, const SSL *ssl);
STACK_OF(X509) * tls_get0_verified_chain(struct route route, const SSL *ssl);
size_t tls_get_finished(struct route route, const SSL *ssl, void *bytes, size_t size);
size_t tls_get_peer_finished(struct route route, const SSL *ssl, void *bytes, size_t size);
size_t tls_get_client_random(struct route route, const SSL *ssl, unsigned char *bytes, size_t size);
size_t tls_get_server_random(struct route route, const SSL *ssl, unsigned char *bytes, size_t size);
struct keying_material {
    unsigned char *bytes;
    size_t size;
    const char *label;
    size_t label_size;
    const unsigned char *context;
    size_t context_size;
    int uses_context;
};
int tls_export_keying_material(struct route route, SSL *ssl, const struct keying_material *wanted);
long tls_ctrl(struct route route, SSL *ssl, int command, long number, void *pointer);
int tls_renegotiate(struct route route, SSL *ssl);
int tls_renegotiate_abbreviated(struct route route, SSL *ssl);
int tls_key_update(struct route route, SSL *ssl, int type);

/* state.c */
int tls_get_error(struct route route, const SSL *ssl, int result);
int tls_want(struct route route, const SSL *ssl);
int tls_shutdown(struct route route, SSL *ssl);
int tls_clear(struct route route, SSL *ssl);
int tls_set_fd(struct route route, SSL *ssl, int fd);
int tls_set_rfd(struct route route, SSL *ssl, int fd);
int tls_set_wfd(struct route route, SSL *ssl, int fd);
void tls_set_bio(struct route route, SSL *ssl, BIO *reads, BIO *writes);
void tls_set0_rbio(struct route route, SSL *ssl, BIO *reads);
void tls_set0_wbio(struct route route, SSL *ssl, BIO *writes);

#endif
