/*
 * Ready: the way from a handle to an open environment, for the files of shim/cache only.
 */
#ifndef VCACHE_CACHE_READY_H
#define VCACHE_CACHE_READY_H

#include "cache/environment.h"

/* The current environment, examined as for a read, or `strictly`; opened if there is none, or if
 * the one there was is gone. */
enum cache_status ready_environment(struct cache *cache, struct environment **environment,
                                    bool strictly);

#endif
