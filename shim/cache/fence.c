/*
 * Fences: see fence.h.
 *
 * A slot's words, each changed by one atomic instruction, so that a process may die between any
 * two of them:
 *
 *   generation   counts
 *   writers      how many writes are under way (20 bits), and until when (44 bits) they count
 *                should their processes have died
 *   held_until   when the last task without a name, or without room among `tasks`, is given up
 *   tasks        a digest of the task's name (30 bits), and until when (34 bits) it is waited for
 *
 * Times are clock_milliseconds(); a task's in quarters of a second, rounded up.
 */
#include "cache/fence.h"

#include "base/clock.h"
#include "cache/key.h"
#include "cache/shared.h"

#include <string.h>

#define WRITERS_BITS 20
#define WRITERS_MASK ((UINT64_C(1) << WRITERS_BITS) - 1)
#define TASK_BITS 30
#define TASK_MASK ((UINT64_C(1) << TASK_BITS) - 1)
#define TASK_TICK_MS 250
#define BOUND_LIMIT_MS (UINT64_C(24) * 3600 * 1000) /* what lies beyond is damage, no bound */

static uint32_t number_of(const struct endpoint *endpoint)
{
    uint64_t digest = key_checksum(endpoint->name, strnlen(endpoint->name, ENDPOINT_SIZE));
    return digest % SHARED_SLOTS;
}

static struct shared_slot *slot_in(struct shared *shared, const struct endpoint *endpoint)
{
    return &shared->slots[number_of(endpoint)];
}

/* The slot of who writes: for a mark that is left in a file nobody else reads is lost. */
static struct shared_slot *slot_of(struct cache *cache, const struct endpoint *endpoint)
{
    struct shared *shared = shared_get(cache, true);
    return shared ? slot_in(shared, endpoint) : NULL;
}

static uint64_t end_of(uint64_t bound_ms)
{
    return clock_milliseconds() + (bound_ms < BOUND_LIMIT_MS ? bound_ms : BOUND_LIMIT_MS);
}

static uint64_t tick_after(uint64_t milliseconds)
{
    return (milliseconds + TASK_TICK_MS - 1) / TASK_TICK_MS;
}

static bool is_ahead(uint64_t end, uint64_t now)
{
    return now < end && end - now <= BOUND_LIMIT_MS + TASK_TICK_MS;
}

static bool is_fenced(struct shared_slot *slot, uint64_t now)
{
    uint64_t writers = atomic_load(&slot->writers);
    if ((writers & WRITERS_MASK) != 0 && is_ahead(writers >> WRITERS_BITS, now))
        return true;
    if (is_ahead(atomic_load(&slot->held_until), now))
        return true;
    for (size_t i = 0; i < SHARED_TASKS; i++) {
        uint64_t task = atomic_load(&slot->tasks[i]);
        if (task != 0 && is_ahead((task >> TASK_BITS) * TASK_TICK_MS, now))
            return true;
    }
    return false;
}

struct fence_state fence_read(struct cache *cache, const struct endpoint *endpoint)
{
    struct fence_state state = {.is_fenced = true};
    struct shared *shared = shared_get(cache, false);
    if (!shared)
        return state;
    struct shared_slot *slot = slot_in(shared, endpoint);
    uint64_t now = clock_milliseconds();
    uint64_t after = atomic_load(&slot->generation);
    /* Both as of one moment: a fence that fell while we looked has moved the generation. */
    do {
        state.generation = after;
        state.is_fenced = is_fenced(slot, now);
        after = atomic_load(&slot->generation);
    } while (after != state.generation);
    return state;
}

struct fence_raised fence_raise(struct cache *cache, const struct endpoint *endpoint,
                                uint64_t bound_ms)
{
    struct fence_raised raised = {number_of(endpoint)};
    struct shared_slot *slot = slot_of(cache, endpoint);
    if (!slot)
        return raised;
    uint64_t now = clock_milliseconds();
    uint64_t end = end_of(bound_ms);
    uint64_t before = atomic_load(&slot->writers);
    uint64_t after;
    do {
        /* Once the bound has passed, the writers still counted are dead. */
        uint64_t until = before >> WRITERS_BITS;
        bool is_live = is_ahead(until, now);
        uint64_t count = is_live ? before & WRITERS_MASK : 0;
        count = count < WRITERS_MASK ? count + 1 : count;
        until = is_live && until > end ? until : end;
        after = until << WRITERS_BITS | count;
    } while (!atomic_compare_exchange_weak(&slot->writers, &before, after));
    atomic_fetch_add(&slot->generation, 1);
    return raised;
}

void fence_lower(struct cache *cache, struct fence_raised raised)
{
    struct shared *shared = shared_get(cache, true);
    if (!shared)
        return;
    struct shared_slot *slot = &shared->slots[raised.slot];
    atomic_fetch_add(&slot->generation, 1);
    uint64_t before = atomic_load(&slot->writers);
    uint64_t after;
    do {
        /* The last one takes its bound along: it is not the next write's. */
        after = (before & WRITERS_MASK) > 1 ? before - 1 : 0;
    } while (!atomic_compare_exchange_weak(&slot->writers, &before, after));
}

static void hold_until(struct shared_slot *slot, uint64_t end)
{
    uint64_t now = clock_milliseconds();
    uint64_t before = atomic_load(&slot->held_until);
    while ((before < end || !is_ahead(before, now)) &&
           !atomic_compare_exchange_weak(&slot->held_until, &before, end))
        ;
}

void fence_hold(struct cache *cache, const struct endpoint *endpoint, uint64_t bound_ms)
{
    struct shared_slot *slot = slot_of(cache, endpoint);
    if (slot)
        hold_until(slot, end_of(bound_ms));
}

static uint64_t task_digest(struct span task)
{
    return key_checksum(task.data, task.size) & TASK_MASK;
}

/* Puts the task into a word that is its own already, or that is free or given up. */
static bool hold_in(struct shared_slot *slot, uint64_t digest, uint64_t end_tick, bool is_own)
{
    uint64_t now = clock_milliseconds();
    for (size_t i = 0; i < SHARED_TASKS; i++) {
        uint64_t before = atomic_load(&slot->tasks[i]);
        bool is_live = is_ahead((before >> TASK_BITS) * TASK_TICK_MS, now);
        bool fits = is_own ? is_live && (before & TASK_MASK) == digest : !is_live;
        if (!fits)
            continue;
        uint64_t after = end_tick << TASK_BITS | digest;
        if ((is_own && before >= after) ||
            atomic_compare_exchange_strong(&slot->tasks[i], &before, after))
            return true;
    }
    return false;
}

void fence_hold_task(struct cache *cache, const struct endpoint *endpoint, struct span task,
                     uint64_t bound_ms)
{
    struct shared_slot *slot = slot_of(cache, endpoint);
    if (!slot)
        return;
    uint64_t end = end_of(bound_ms);
    uint64_t digest = task_digest(task);
    if (!hold_in(slot, digest, tick_after(end), true) &&
        !hold_in(slot, digest, tick_after(end), false))
        hold_until(slot, end);
}

void fence_end_task(struct cache *cache, const struct endpoint *endpoint, struct span task)
{
    struct shared_slot *slot = slot_of(cache, endpoint);
    if (!slot)
        return;
    uint64_t digest = task_digest(task);
    for (size_t i = 0; i < SHARED_TASKS; i++) {
        uint64_t before = atomic_load(&slot->tasks[i]);
        if (before == 0 || (before & TASK_MASK) != digest)
            continue;
        /* First the generation, then the fence: nobody may see the old one without it. */
        atomic_fetch_add(&slot->generation, 1);
        atomic_compare_exchange_strong(&slot->tasks[i], &before, 0);
    }
}

void fence_invalidate_all(struct cache *cache)
{
    struct shared *shared = shared_get(cache, true);
    for (size_t i = 0; shared && i < SHARED_SLOTS; i++)
        atomic_fetch_add(&shared->slots[i].generation, 1);
}

void fence_invalidate(struct cache *cache, const struct endpoint *endpoint)
{
    struct shared_slot *slot = slot_of(cache, endpoint);
    if (slot)
        atomic_fetch_add(&slot->generation, 1);
}
