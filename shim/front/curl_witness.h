/*
 * Witnesses: certificates, and the connection's TLS, can only be asked of a connection. After a
 * transfer over a link it is the one that was made for it, or one that is made for the question.
 */
#ifndef VCACHE_FRONT_CURL_WITNESS_H
#define VCACHE_FRONT_CURL_WITNESS_H

#include "front/curl_handle.h"

/* The handle of libcurl that is connected to the origin; NULL: it cannot be had. May wait for the
 * connection as long as the handle's own time-outs allow. */
CURL *curl_witness_of(struct curl_handle *handle);

/* The handle's next transfer begins, or there is none: the connection goes to the pool. */
void curl_witness_dismiss(struct curl_handle *handle);

#endif
