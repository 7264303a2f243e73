/*
 * Opened: the user's cache for the tools that look into it.
 */
#ifndef VCACHE_TOOLS_OPENED_H
#define VCACHE_TOOLS_OPENED_H

#include "base/config.h"
#include "cache/cache.h"

/*
 * Reads the configuration and opens the cache that is there; makes none. CACHE_OK: *cache is open,
 * cache_close it. CACHE_ABSENT: there is no cache yet, nothing is said. Everything else was
 * complained of, with the reason.
 */
enum cache_status opened_cache(struct config *config, struct cache **cache);

/*
 * A program under the shim goes on without the cache while another process holds it; a tool waits.
 * True after a pause if what came to `status` is to be tried again; `tries` counts from 0.
 */
bool busy_is_waited_out(enum cache_status status, unsigned *tries);

#endif
