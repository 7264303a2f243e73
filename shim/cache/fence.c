/*
 * Fences: see fence.h.
 *
 * A slot's words, each changed by one atomic instruction, so that a process may die between any
 * two of them:
 *
 *   generation   counts
 *   held_until   when the last task without a name, or that had no room below, is given up
 *   writers      of each write under way, until when it counts should its process have died; 0: of
 *                none. Two with the same end need not be told apart
 *   tasks        a digest of the task's name (30 bits), and until when (34 bits) it is waited for
 *
 * Who marks and who looks:
 *
 *                          the origin's slot    slot of unknown    slot of all
 *   a write is marked by
 *     a known endpoint     x                                       x
 *     an unknown one                            x                  x
 *   a read looks at, for
 *     a known endpoint     x                    x
 *     an unknown one                                               x
 *
 * Whatever two programs know of two names of one origin, the one marks where the other looks. The
 * slot of all is marked first: while it has not moved, no write has been marked anywhere.
 *
 * A known endpoint's generation is the sum of two slots, with KNOWN set. But until the first write
 * after it became known it keeps the generation that it had as an unknown one (`before`, which
 * stands for the sum `since`), for nothing that was stored until then has become stale. Both are
 * read while the slot of all does not move, so that a write that `before` does not count is not
 * counted in `since` either.
 *
 * Times are clock_milliseconds(); a task's in quarters of a second, rounded up.
 */
#include "cache/fence.h"

#include "base/clock.h"
#include "cache/key.h"
#include "cache/origins.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define TASK_BITS 30
#define TASK_MASK ((UINT64_C(1) << TASK_BITS) - 1)
#define TASK_TICK_MS 250
#define KNOWN (UINT64_C(1) << 63)
#define BOUND_LIMIT_MS (UINT64_C(24) * 3600 * 1000) /* what lies beyond is damage, no bound */

static uint64_t digest_of(const struct endpoint *endpoint)
{
    return key_checksum(endpoint->name, strnlen(endpoint->name, ENDPOINT_SIZE)) | 1; /* never 0 */
}

static uint32_t slot_of(uint64_t origin)
{
    return (uint32_t)(origin >> 32) % SHARED_SLOTS;
}

/* Where a write is marked: in the slot of all, then in the other one. Tasks are told apart by what
 * they belong to, for the first of one vCenter is called as the first of the next. */
enum { MARKS = 2 };

struct marks {
    struct shared *shared;
    struct shared_slot *slots[MARKS];
    uint64_t owners[MARKS]; /* of tasks */
    uint32_t other;
};

/* False: nowhere. A mark that is left in a file which nobody else reads is lost, hence strictly. */
static bool marks_of(struct cache *cache, const struct endpoint *endpoint, struct marks *marks)
{
    struct origin origin;
    struct shared *shared = shared_get(cache, true);
    if (!shared)
        return false;
    uint64_t digest = digest_of(endpoint);
    bool is_known = origin_find(shared, digest, &origin) == ORIGIN_KNOWN;
    marks->other = is_known ? slot_of(origin.digest) : SHARED_SLOT_OF_UNKNOWN;
    marks->shared = shared;
    marks->slots[0] = &shared->slots[SHARED_SLOT_OF_ALL];
    marks->slots[1] = &shared->slots[marks->other];
    marks->owners[0] = digest;
    marks->owners[1] = is_known ? origin.digest : digest;
    return true;
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
    if (is_ahead(atomic_load(&slot->held_until), now))
        return true;
    for (size_t i = 0; i < SHARED_WRITERS; i++)
        if (is_ahead(atomic_load(&slot->writers[i]), now))
            return true;
    for (size_t i = 0; i < SHARED_TASKS; i++) {
        uint64_t task = atomic_load(&slot->tasks[i]);
        if (task != 0 && is_ahead((task >> TASK_BITS) * TASK_TICK_MS, now))
            return true;
    }
    return false;
}

static uint64_t known_generation(struct shared *shared, uint64_t origin)
{
    return (atomic_load(&shared->slots[slot_of(origin)].generation) +
            atomic_load(&shared->slots[SHARED_SLOT_OF_UNKNOWN].generation)) |
           KNOWN;
}

/* Of a known origin, or NULL. */
static uint64_t generation_of(struct shared *shared, const struct origin *origin)
{
    if (!origin)
        return atomic_load(&shared->slots[SHARED_SLOT_OF_ALL].generation);
    uint64_t generation = known_generation(shared, origin->digest);
    return generation == origin->since ? origin->before : generation;
}

static bool is_any_fenced(struct shared *shared, const struct origin *origin, uint64_t now)
{
    if (!origin)
        return is_fenced(&shared->slots[SHARED_SLOT_OF_ALL], now);
    return is_fenced(&shared->slots[slot_of(origin->digest)], now) ||
           is_fenced(&shared->slots[SHARED_SLOT_OF_UNKNOWN], now);
}

struct fence_state fence_read(struct cache *cache, const struct endpoint *endpoint)
{
    struct fence_state state = {.is_fenced = true};
    struct origin found;
    struct shared *shared = shared_get(cache, false);
    if (!shared)
        return state;
    bool is_known = origin_find(shared, digest_of(endpoint), &found) == ORIGIN_KNOWN;
    const struct origin *origin = is_known ? &found : NULL;
    uint64_t now = clock_milliseconds();
    uint64_t after = generation_of(shared, origin);
    /* Both as of one moment: a fence that fell while we looked has moved the generation. */
    do {
        state.generation = after;
        state.is_fenced = is_any_fenced(shared, origin, now);
        after = generation_of(shared, origin);
    } while (after != state.generation);
    return state;
}

void fence_learn(struct cache *cache, const struct endpoint *endpoint, struct span uuid)
{
    struct origin known;
    struct shared *shared = shared_get(cache, true);
    if (!shared)
        return;
    uint64_t digest = digest_of(endpoint);
    struct origin origin = {.digest = uuid.size ? key_checksum(uuid.data, uuid.size) : digest};
    struct shared_slot *all = &shared->slots[SHARED_SLOT_OF_ALL];
    switch (origin_find(shared, digest, &known)) {
    case ORIGIN_UNKNOWN:
        do {
            origin.before = atomic_load(&all->generation);
            origin.since = known_generation(shared, origin.digest);
        } while (atomic_load(&all->generation) != origin.before);
        origin_add(shared, digest, &origin);
        break;
    case ORIGIN_KNOWN:
        if (known.digest == origin.digest)
            break;
        /* What was read from the one is not valid for the other. */
        atomic_fetch_add(&all->generation, 1);
        origin_dispute(shared, digest);
        break;
    case ORIGIN_DISPUTED:
        break;
    }
}

static void hold_until(struct shared_slot *slot, uint64_t end)
{
    uint64_t now = clock_milliseconds();
    uint64_t before = atomic_load(&slot->held_until);
    while ((before < end || !is_ahead(before, now)) &&
           !atomic_compare_exchange_weak(&slot->held_until, &before, end))
        ;
}

/* Puts the write into a word that is free, or whose writer is dead. */
static bool note_writer(struct shared_slot *slot, uint64_t end)
{
    uint64_t now = clock_milliseconds();
    for (size_t i = 0; i < SHARED_WRITERS; i++) {
        uint64_t before = atomic_load(&slot->writers[i]);
        if (!is_ahead(before, now) &&
            atomic_compare_exchange_strong(&slot->writers[i], &before, end))
            return true;
    }
    return false;
}

/* Returns what lower_in wants to be told. More writes at once than there is room for fence until
 * their bound; then it is 0. */
static uint64_t raise_in(struct shared_slot *slot, uint64_t end)
{
    bool has_room = note_writer(slot, end);
    if (!has_room)
        hold_until(slot, end);
    atomic_fetch_add(&slot->generation, 1);
    return has_room ? end : 0;
}

static void lower_in(struct shared_slot *slot, uint64_t raised)
{
    /* First the generation, then the fence: nobody may see the old one without it. */
    atomic_fetch_add(&slot->generation, 1);
    for (size_t i = 0; raised != 0 && i < SHARED_WRITERS; i++) {
        uint64_t before = raised;
        if (atomic_compare_exchange_strong(&slot->writers[i], &before, 0))
            return;
    }
}

struct fence_raised fence_raise(struct cache *cache, const struct endpoint *endpoint,
                                uint64_t bound_ms)
{
    struct marks marks;
    struct fence_raised raised = {.slot = SHARED_SLOT_OF_UNKNOWN};
    if (!marks_of(cache, endpoint, &marks))
        return raised;
    uint64_t end = end_of(bound_ms);
    raised.slot = marks.other;
    for (size_t i = 0; i < MARKS; i++)
        raised.until[i] = raise_in(marks.slots[i], end);
    return raised;
}

void fence_lower(struct cache *cache, struct fence_raised raised)
{
    struct shared *shared = shared_get(cache, true);
    if (!shared)
        return;
    lower_in(&shared->slots[SHARED_SLOT_OF_ALL], raised.until[0]);
    lower_in(&shared->slots[raised.slot], raised.until[1]);
}

void fence_hold(struct cache *cache, const struct endpoint *endpoint, uint64_t bound_ms)
{
    struct marks marks;
    if (!marks_of(cache, endpoint, &marks))
        return;
    for (size_t i = 0; i < MARKS; i++)
        hold_until(marks.slots[i], end_of(bound_ms));
}

static uint64_t task_digest(uint64_t owner, struct span task)
{
    return (key_checksum(task.data, task.size) ^ owner) & TASK_MASK;
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
    struct marks marks;
    if (!marks_of(cache, endpoint, &marks))
        return;
    uint64_t end = end_of(bound_ms);
    for (size_t i = 0; i < MARKS; i++) {
        uint64_t digest = task_digest(marks.owners[i], task);
        if (!hold_in(marks.slots[i], digest, tick_after(end), true) &&
            !hold_in(marks.slots[i], digest, tick_after(end), false))
            hold_until(marks.slots[i], end);
    }
}

static void end_in(struct shared_slot *slot, uint64_t digest)
{
    for (size_t i = 0; i < SHARED_TASKS; i++) {
        uint64_t before = atomic_load(&slot->tasks[i]);
        if (before == 0 || (before & TASK_MASK) != digest)
            continue;
        /* First the generation, then the fence: nobody may see the old one without it. */
        atomic_fetch_add(&slot->generation, 1);
        atomic_compare_exchange_strong(&slot->tasks[i], &before, 0);
    }
}

void fence_end_task(struct cache *cache, const struct endpoint *endpoint, struct span task)
{
    struct marks marks;
    if (!marks_of(cache, endpoint, &marks))
        return;
    for (size_t i = 0; i < MARKS; i++)
        end_in(marks.slots[i], task_digest(marks.owners[i], task));
    /* It may have been started when the endpoint was not known yet. */
    if (marks.other != SHARED_SLOT_OF_UNKNOWN)
        end_in(&marks.shared->slots[SHARED_SLOT_OF_UNKNOWN], task_digest(marks.owners[0], task));
}

/* At the same place, so that of several who do it one does. */
static bool carry_word(_Atomic uint64_t *to, uint64_t word)
{
    uint64_t before = 0;
    return atomic_compare_exchange_strong(to, &before, word) || before == word;
}

/* Whether anything was. */
static bool carry_slot(const struct shared_slot *old, struct shared_slot *fresh)
{
    uint64_t now = clock_milliseconds();
    uint64_t longest = atomic_load(&old->held_until);
    if (!is_ahead(longest, now))
        longest = 0;
    bool is_any = longest != 0;
    for (size_t i = 0; i < SHARED_WRITERS + SHARED_TASKS; i++) {
        bool is_task = i >= SHARED_WRITERS;
        uint64_t word = atomic_load(is_task ? &old->tasks[i - SHARED_WRITERS] : &old->writers[i]);
        uint64_t end = is_task ? (word >> TASK_BITS) * TASK_TICK_MS : word;
        if (!is_ahead(end, now))
            continue;
        is_any = true;
        if (!carry_word(is_task ? &fresh->tasks[i - SHARED_WRITERS] : &fresh->writers[i], word) &&
            end > longest)
            longest = end;
    }
    if (longest != 0)
        hold_until(fresh, longest);
    return is_any;
}

/* By the kernel: a file that was cut has nothing behind its mapping, and to touch that would be
 * SIGBUS. */
static bool copy_slot(const struct shared_slot *slot, struct shared_slot *copy)
{
    int saved = errno;
    struct iovec to = {copy, sizeof(*copy)};
    struct iovec from = {(void *)(uintptr_t)slot, sizeof(*slot)};
    bool is_copied = process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof(*copy);
    errno = saved;
    return is_copied;
}

/* Every mark is in the slot of all. Which origins are known is not, so these look at the slot of
 * the unknown. Who does this late may bring back what has ended: until its bound. */
void fence_carry_over(const struct shared *old, struct shared *fresh)
{
    struct shared_slot marks = {0};
    if (!copy_slot(&old->slots[SHARED_SLOT_OF_ALL], &marks))
        return;
    bool is_any = carry_slot(&marks, &fresh->slots[SHARED_SLOT_OF_ALL]);
    if (carry_slot(&marks, &fresh->slots[SHARED_SLOT_OF_UNKNOWN]) || is_any)
        shared_invalidate(fresh);
}

void fence_invalidate_all(struct cache *cache)
{
    struct shared *shared = shared_get(cache, true);
    if (shared)
        shared_invalidate(shared);
}

void fence_invalidate(struct cache *cache, const struct endpoint *endpoint)
{
    struct marks marks;
    if (!marks_of(cache, endpoint, &marks))
        return;
    for (size_t i = 0; i < MARKS; i++)
        atomic_fetch_add(&marks.slots[i]->generation, 1);
}
