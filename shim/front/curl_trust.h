/*
 * Trust, of a handle of libcurl: a digest of the options that say who the peer may be, and which
 * way leads to it. Two handles that would believe different peers have different ones.
 */
#ifndef VCACHE_FRONT_CURL_TRUST_H
#define VCACHE_FRONT_CURL_TRUST_H

#include "front/curl_handle.h"

/* Into handle->trust, for the transfer that begins. False: it cannot be told, and the handle is to
 * be performed as it is. */
bool curl_trust_tell(struct curl_handle *handle);

/* What else tells connections apart that libcurl would use again: a digest for this process. */
uint64_t curl_manner_of(const struct curl_handle *handle);

/* A digest of what the environment says of the way to the peer, a part of all trust. */
uint64_t curl_trust_environment(void);

#endif
