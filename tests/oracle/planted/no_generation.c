/* A planted fault: every reader sees the same generation, whatever was written. */
#include "cache/fence.h"

struct fence_state __real_fence_read(struct cache *cache, const struct endpoint *endpoint);
struct fence_state __wrap_fence_read(struct cache *cache, const struct endpoint *endpoint);

struct fence_state __wrap_fence_read(struct cache *cache, const struct endpoint *endpoint)
{
    struct fence_state state = __real_fence_read(cache, endpoint);
    state.generation = 1;
    return state;
}
