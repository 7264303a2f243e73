/*
 * Origins: a connection to the origin, made by the program's own libcurl with the program's own
 * options (CURLOPT_CONNECT_ONLY), on which bytes are sent and received.
 *
 * Nothing here blocks. What it waits for shows on one descriptor, so that whoever waits for the
 * program's transfers can wait for this, too. One thread at a time uses it.
 */
#ifndef VCACHE_FRONT_CURL_ORIGIN_H
#define VCACHE_FRONT_CURL_ORIGIN_H

#include "front/real_curl.h"

struct curl_origin; /* opaque */

enum curl_origin_state { CURL_ORIGIN_WAITS, CURL_ORIGIN_READY, CURL_ORIGIN_FAILED };

/* `easy` is taken over, also on failure, which is NULL. Connecting begins at the first step. */
struct curl_origin *curl_origin_open(const struct curl *curl, CURL *easy);
/* Safe on NULL. */
/* It need not be connected any more: what it knows can still be asked of its handle. */
void curl_origin_give_up(struct curl_origin *origin);
void curl_origin_close(struct curl_origin *origin);

/* Goes on with connecting as far as that is possible now. */
enum curl_origin_state curl_origin_step(struct curl_origin *origin);
/* As the last step has left it. */
enum curl_origin_state curl_origin_state(const struct curl_origin *origin);
/* Goes on until that is done, waiting as long as the handle's own time-outs allow. */
enum curl_origin_state curl_origin_finish(struct curl_origin *origin);
/* Readable when there is something to go on with; the same as long as the origin is open. */
int curl_origin_descriptor(const struct curl_origin *origin);

/* CURLE_AGAIN: nothing now. CURLE_OK and none received: the origin has closed. */
CURLcode curl_origin_send(struct curl_origin *origin, const void *bytes, size_t size, size_t *sent);
CURLcode curl_origin_receive(struct curl_origin *origin, void *bytes, size_t size,
                             size_t *received);

/* Why it failed, in libcurl's words; "": it did not. */
const char *curl_origin_error(const struct curl_origin *origin);
CURLcode curl_origin_code(const struct curl_origin *origin);
/* Whether it ever was connected. */
bool curl_origin_was_ready(const struct curl_origin *origin);
/* For curl_easy_getinfo of what belongs to the connection. */
CURL *curl_origin_easy(const struct curl_origin *origin);

#endif
