/*
 * Context: the one place of a process where its configuration and its cache are held. Made at the
 * first vSphere request, kept until the process ends. Thread-safe.
 */
#ifndef VCACHE_EXCHANGE_CONTEXT_H
#define VCACHE_EXCHANGE_CONTEXT_H

#include "base/config.h"
#include "cache/cache.h"

struct context {
    struct config config;
    struct cache *cache;
};

/* NULL when VCACHE_DISABLE is set, or without memory: pass. */
const struct context *context_get(void);

#endif
