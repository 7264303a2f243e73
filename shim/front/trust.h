/*
 * Trust: how the program satisfied itself who the peer is, as a digest of the peer's certificate
 * and of whether the program verified it: a program that did and one that took whoever was there
 * share nothing.
 */
#ifndef VCACHE_FRONT_TRUST_H
#define VCACHE_FRONT_TRUST_H

#include "cache/namespace.h"
#include "front/real.h"

/* False if it cannot be had. Leaves errors in the queue then. */
bool trust_digest(const struct openssl *openssl, const X509 *certificate, bool is_verified,
                  struct trust *trust);

#endif
