/*
 * Plain handles: with nothing set but what curl_plain.def names, so that two performs in a row, of
 * the same options but for those that are free, write the same head to the wire (but for its
 * Content-Length) and are answered in the same manner.
 *
 * Not thread-safe, as an easy handle is not.
 */
#ifndef VCACHE_FRONT_CURL_PLAIN_H
#define VCACHE_FRONT_CURL_PLAIN_H

#include "front/curl_options.h"

#include <stdint.h>

/* `{0}` is a new handle's. */
struct curl_plain {
    uint64_t odd;     /* options that are set to what is not plain */
    uint64_t changes; /* counts what may have changed the next request */
    bool is_spoilt;   /* until it is reset */
};

/* The program has set `option`. `is_same`: to what it was. */
void curl_plain_notice(struct curl_plain *plain, CURLoption option,
                       const union curl_argument *argument, bool is_same);

/* curl_easy_reset. */
void curl_plain_reset(struct curl_plain *plain);
/* Something else may have: an option that libcurl refused, say. */
void curl_plain_change(struct curl_plain *plain);

static inline bool curl_plain_holds(const struct curl_plain *plain)
{
    return plain->odd == 0 && !plain->is_spoilt;
}

#endif
