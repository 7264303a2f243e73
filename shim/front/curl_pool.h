/*
 * The pool: connections to origins between two transfers, as libcurl keeps its own. They belong to
 * whom libcurl's would belong to (a share, a multi, an easy handle), and are closed with that.
 *
 * Thread-safe, for several threads may use one share.
 */
#ifndef VCACHE_FRONT_CURL_POOL_H
#define VCACHE_FRONT_CURL_POOL_H

#include "front/curl_handle.h"
#include "front/curl_origin.h"

/* Connections of one kind stand for each other. */
struct curl_kind {
    const void *owner;
    const struct curl *curl;
    const char *authority; /* of the URL; borrowed */
    struct trust trust;
    uint64_t manner;
};

/* Of the handle's transfer. */
struct curl_kind curl_kind_of(const struct curl_handle *handle, const char *authority);

/* Keeps it; of too many the oldest is closed. */
void curl_pool_put(const struct curl_kind *kind, struct curl_origin *origin,
                   const struct curl_peer *peer);
/* NULL: there is none. It may have been closed by the origin meanwhile. */
struct curl_origin *curl_pool_take(const struct curl_kind *kind, struct curl_peer *peer);
/* The owner is about to be freed. */
void curl_pool_close(const void *owner);

#endif
