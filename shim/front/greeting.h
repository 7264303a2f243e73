/*
 * Greetings: what an SSL says to an origin, as far as the outcome depends on it (cache/peers.h),
 * and what came of it.
 *
 * OpenSSL does not tell which application protocols a program offers, nor whether it verifies
 * certificates by a function of its own: both are noted when the program says so. Thread-safe as
 * the SSL is.
 */
#ifndef VCACHE_FRONT_GREETING_H
#define VCACHE_FRONT_GREETING_H

#include "cache/peers.h"
#include "front/connection.h"

/* Where notes are attached; false on failure. */
bool greeting_indexes(struct openssl *openssl);

/* The program offers these protocols from now on, in this context or on this SSL alone. */
void greeting_note_protocols(const struct openssl *openssl, const SSL *ssl, struct span protocols);
void greeting_note_context_protocols(const struct openssl *openssl, SSL_CTX *context,
                                     struct span protocols);
/* It verifies in its own way, or no longer: nobody else can do that for it. */
void greeting_note_own_verification(const struct openssl *openssl, SSL_CTX *context, bool is_own);

/* Borrows from the SSL. */
struct peer_greeting greeting_of(const struct openssl *openssl, const SSL *ssl);

/* Whether nothing but the server's certificate decides the outcome: no certificate of the client's
 * own, no session to be resumed, no verification that cannot be repeated. */
bool greeting_is_plain(const struct openssl *openssl, SSL *ssl);

/* False for what cannot be told apart by it: an address of one link only. */
bool greeting_address(const struct dial_peer *peer, struct peer_address *address);

/* Remembers what came of the handshake of the connection's SSL; false if there is nothing to be
 * remembered. */
bool greeting_learn(const struct connection *connection, const struct peer_address *address,
                    const struct endpoint *endpoint);

#endif
