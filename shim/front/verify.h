/*
 * Verification of certificates that were shown before, as the program's own SSL would do it in its
 * handshake: its trust store with its revocation lists, its parameters, its callback, now
 * (OpenSSL's ssl_verify_cert_chain).
 */
#ifndef VCACHE_FRONT_VERIFY_H
#define VCACHE_FRONT_VERIFY_H

#include "front/caller.h"

/* Whether the SSL would go on with its handshake. Its verify result and peer name are set as by the
 * handshake; *verified is the chain that was built, NULL if none was. The program's callback is
 * called. The error queue is kept. */
bool verify_chain(const struct openssl *openssl, SSL *ssl, STACK_OF(X509) * chain,
                  STACK_OF(X509) * *verified);

#endif
