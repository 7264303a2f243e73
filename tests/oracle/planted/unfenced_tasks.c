/* A planted fault: a write is over when it is answered, whatever task it started. */
#include "cache/fence.h"

void __wrap_fence_hold_task(struct cache *cache, const struct endpoint *endpoint, struct span task,
                            uint64_t bound_ms);

void __wrap_fence_hold_task(struct cache *cache, const struct endpoint *endpoint, struct span task,
                            uint64_t bound_ms)
{
    (void)cache;
    (void)endpoint;
    (void)task;
    (void)bound_ms;
}
