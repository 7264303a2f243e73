/*
 * Namespace: endpoint + trust + principal; nothing crosses it (DESIGN, promise 2).
 */
#ifndef VCACHE_CACHE_NAMESPACE_H
#define VCACHE_CACHE_NAMESPACE_H

#include <stdint.h>

#define ENDPOINT_SIZE 280 /* "https://" + a host name of 255 bytes + ":65535" + NUL, rounded up */

/* scheme://host:port as the program named it, in lower case, the port always written. */
struct endpoint {
    char name[ENDPOINT_SIZE];
};

/* How the program satisfied itself who the peer is: see the fronts. */
struct trust {
    uint8_t digest[32];
};

/* A keyed hash of who asks; all zero before any login (an anonymous request). */
struct principal {
    uint8_t id[16];
};

#endif
