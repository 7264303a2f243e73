/*
 * Origins: which endpoints are one and the same vCenter. A table in the mapped file `shared`, of
 * words that are read and changed atomically, like all of it: it is lost by no full disk, and a
 * process that is stopped or killed in it blocks nobody.
 *
 * An endpoint is added once, when its origin has said what it is called (about.instanceUuid), and
 * stays as long as the file, which is at most as long as the machine is up. Whatever is wrong with
 * an entry (no room for it, torn, damaged, left half-made by a process that died) makes its
 * endpoint unknown. So does an endpoint that turns out to be two: another vCenter was put under the
 * name, or answers under it by turns, or somebody lies. It is disputed from then on.
 *
 * Endpoints and origins are digests here, those of endpoints odd. `before` and `since` are
 * fence.c's. Thread-safe.
 */
#ifndef VCACHE_CACHE_ORIGINS_H
#define VCACHE_CACHE_ORIGINS_H

#include "cache/shared.h"

enum origin_finding { ORIGIN_UNKNOWN, ORIGIN_KNOWN, ORIGIN_DISPUTED };

struct origin {
    uint64_t digest;
    uint64_t before, since;
};

/* *origin is filled for ORIGIN_KNOWN. */
enum origin_finding origin_find(struct shared *shared, uint64_t endpoint, struct origin *origin);

/* Does nothing if there is no room, or if another process adds the endpoint or has added it. */
void origin_add(struct shared *shared, uint64_t endpoint, const struct origin *origin);

/* For an endpoint that is known. */
void origin_dispute(struct shared *shared, uint64_t endpoint);

#endif
