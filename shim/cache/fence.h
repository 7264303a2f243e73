/*
 * Fences and generations: what keeps a program from being shown its own stale data (promise 3).
 *
 * Every origin has a generation and a fence in the mapped file `shared`: words that are read and
 * changed atomically, with no lock, so that a stopped or killed process blocks nobody and a full
 * disk cannot lose a write's mark. Origins are slots chosen by a hash; two origins that fall into
 * one slot invalidate each other's responses, which is harmless.
 *
 * The writer's order: fence_raise → send the request → response is in → fence_lower → hand the
 * response to the program. The reader's order: fence_read → send → response is in → store it only
 * if fence_read says the same generation and no fence.
 *
 * Fences belong to the origin, whatever it was called: endpoints that have shown the same
 * about.instanceUuid (fence_learn) share one. An endpoint that has shown none yet, because no
 * program has asked it for its ServiceContent, may be any vCenter's: what is written to it counts
 * as written to every origin, and what is read from it is invalidated by every write. So nothing
 * slips through before an endpoint is known, nor while it becomes known; it only costs hits. The
 * same holds for an endpoint that has shown two (origins.h), and for all where the table is full.
 *
 * Whoever answers under an endpoint is believed, verified or not. A lie can make two origins share,
 * or, once the truth is told, its endpoint one that may be any vCenter's; both are harmless. What
 * remains: under a known name another vCenter answers now, and a program writes to it that has not
 * asked it for its ServiceContent. Who reads that vCenter by another name does not see the write
 * before the time to live.
 *
 * Works as long as the file can be mapped, also when the LMDB part of the cache is unavailable.
 * Thread-safe, async-signal-unsafe, never waits.
 */
#ifndef VCACHE_CACHE_FENCE_H
#define VCACHE_CACHE_FENCE_H

#include "cache/cache.h"
#include "cache/namespace.h"

struct fence_state {
    uint64_t generation;
    bool is_fenced; /* reads go to the origin and are not stored; true when the state cannot be read
                     */
};

struct fence_state fence_read(struct cache *cache, const struct endpoint *endpoint);

/*
 * `endpoint` is the origin with this instanceUuid, as its ServiceContent says; empty if that says
 * none (ESXi): then it is known to be nobody else's. To be called before the program is given the
 * response, for its next request may be a write. What was stored stays valid.
 */
void fence_learn(struct cache *cache, const struct endpoint *endpoint, struct span uuid);

/* Where a write's fence was raised, and which one it is: it is lowered there, whatever was learnt
 * in between. For fence_lower alone. */
struct fence_raised {
    uint32_t slot;
    uint64_t until[2];
};

/* A write is about to be sent: a new generation, and a fence until it is lowered or, should this
 * process die, until `bound_ms` have passed. (More writes at once than there is room for fence
 * until their bound.) */
struct fence_raised fence_raise(struct cache *cache, const struct endpoint *endpoint,
                                uint64_t bound_ms);

/* The write's response is in, or its connection is gone: a new generation, and the fence of this
 * write ends. One fence_lower for every fence_raise. */
void fence_lower(struct cache *cache, struct fence_raised raised);

/* A task that the write started goes on: the fence stays until `bound_ms` from now. */
void fence_hold(struct cache *cache, const struct endpoint *endpoint, uint64_t bound_ms);

/*
 * As fence_hold, for a task with a name ("task-42"): its fence may be ended before the bound, by
 * any process that sees the task in its last state, with fence_end_task, which also makes a new
 * generation. Tasks of one origin that run at once keep it fenced until the last has ended. A task
 * that was started while its endpoint was not known is ended under that endpoint only.
 * fence_end_task is harmless for a task that nobody holds.
 */
void fence_hold_task(struct cache *cache, const struct endpoint *endpoint, struct span task,
                     uint64_t bound_ms);
void fence_end_task(struct cache *cache, const struct endpoint *endpoint, struct span task);

/* A new generation for every origin: nothing that is stored or on its way stays valid. */
void fence_invalidate_all(struct cache *cache);

/* A new generation for one origin (vcache-flush --endpoint), or for all if it may be any. */
void fence_invalidate(struct cache *cache, const struct endpoint *endpoint);

#endif
