/*
 * Context: the one place of a process where its configuration and its cache are held, until the
 * process ends. Thread-safe.
 *
 * A program that connects to anybody has its configuration read (context_early): that opens no
 * library and no file. The rest is made at the first vSphere request, or at the first connection to
 * an address that is known.
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

/* The same, while the libraries that the cache needs may not be there: for what needs none. */
const struct context *context_early(void);

#endif
