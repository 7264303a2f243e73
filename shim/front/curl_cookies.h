/*
 * Cookies: over a link libcurl believes that it speaks plain HTTP, so it neither sends cookies that
 * are for secure connections only, nor takes them. Here both is done for it, by its own cookie
 * engine (CURLINFO_COOKIELIST, CURLOPT_COOKIELIST), if that is on.
 */
#ifndef VCACHE_FRONT_CURL_COOKIES_H
#define VCACHE_FRONT_CURL_COOKIES_H

#include "base/bytes.h"
#include "front/curl_handle.h"

/* The whole head of a request, with its empty line, gets the secure cookies for its URL. False
 * without memory: the head is as it was. */
bool curl_cookies_send(struct curl_handle *handle, struct buffer *head);

/* What the whole head of a response sets for secure connections goes to the engine. */
void curl_cookies_take(struct curl_handle *handle, struct span head);

/* Of a message's head: the value of the first field of that name, trimmed; data is NULL if there is
 * none. `*at` is where to look from, and where to go on. */
struct span curl_field(struct span head, const char *name, size_t *at);

#endif
