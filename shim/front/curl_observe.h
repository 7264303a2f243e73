/*
 * Observing: a handle asks a vCenter for something without a link, because of what the program has
 * set on it. Nothing is answered then and nothing stored, but what it changes at the origin must
 * make stored answers stale all the same. What it asks is told to an exchange as far as it can be
 * known; the response is not seen, so that a write's fence stays up for its bound.
 */
#ifndef VCACHE_FRONT_CURL_OBSERVE_H
#define VCACHE_FRONT_CURL_OBSERVE_H

#include "front/curl_handle.h"

/* Before libcurl performs it; nothing happens if it is not vSphere's. */
void curl_observe_begin(struct curl_handle *handle);
/* It has ended. Safe without a beginning. */
void curl_observe_end(struct curl_handle *handle);

#endif
