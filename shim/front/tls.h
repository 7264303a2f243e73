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
