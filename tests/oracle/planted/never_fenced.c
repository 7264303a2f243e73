/* A planted fault: no reader ever sees a fence. */
#include "cache/fence.h"

struct fence_state __real_fence_read(struct cache *cache, const struct endpoint *endpoint);
struct fence_state __wrap_fence_read(struct cache *cache, const struct endpoint *endpoint);

struct fence_state __wrap_fence_read(struct cache *cache, const struct endpoint *endpoint)
{
    struct fence_state state = __real_fence_read(cache, endpoint);
    state.is_fenced = false;
    return state;
}
