/*
 * Threads that sleep: what each of them sleeps on, so that an answer is made only where it will be
 * noticed.
 *
 * A thread that sleeps in the kernel cannot be woken by an answer that is not on the wire; if one
 * waits for the descriptor, the request goes to the origin. A program of one thread leaves no
 * notes: it is not asleep while it writes. A note that is left behind (a thread cancelled in its
 * sleep) costs answers on its descriptors, nothing else.
 */
#include "front/wake.h"

#include <stddef.h>

enum { NOTES = 256, TRIES = 32 };

struct sleeper {
    _Alignas(64) atomic_bool is_taken;
    _Atomic uint64_t descriptors;
    atomic_int epoll;
};

static struct sleeper notes[NOTES];
static atomic_uint unnoted; /* threads that found no place */
static struct sleeper without_note;

/* Threads begin at different places: each has its own stretch of memory for its locals. */
static unsigned first_note(void)
{
    static _Thread_local char mine;
    uintptr_t address = (uintptr_t)&mine;
    return (unsigned)((address >> 12) * 0x9e3779b9U >> 8) % NOTES;
}

struct sleeper *sleeper_enter(uint64_t descriptors, int epoll)
{
    if (!sleepers_matter())
        return NULL;
    unsigned first = first_note();
    for (unsigned i = 0; i < TRIES; i++) {
        struct sleeper *sleeper = &notes[(first + i) % NOTES];
        bool was_taken = false;
        if (!atomic_compare_exchange_strong(&sleeper->is_taken, &was_taken, true))
            continue;
        atomic_store_explicit(&sleeper->epoll, epoll, memory_order_relaxed);
        /* Sequentially consistent: before the look for answers that follows. */
        atomic_store(&sleeper->descriptors, descriptors);
        return sleeper;
    }
    atomic_fetch_add(&unnoted, 1);
    return &without_note;
}

void sleeper_leave(struct sleeper *sleeper)
{
    if (!sleeper)
        return;
    if (sleeper == &without_note)
        atomic_fetch_sub(&unnoted, 1);
    else
        atomic_store_explicit(&sleeper->is_taken, false, memory_order_release);
}

void sleepers_forget(void)
{
    for (unsigned i = 0; i < NOTES; i++)
        atomic_store(&notes[i].is_taken, false);
    atomic_store(&unnoted, 0);
}

bool sleepers_sleep_on(int epoll)
{
    if (!sleepers_matter())
        return false;
    for (unsigned i = 0; i < NOTES; i++)
        if (atomic_load(&notes[i].is_taken) && atomic_load(&notes[i].epoll) == epoll)
            return true;
    return atomic_load(&unnoted) > 0;
}

/* ---- whether an answer would be noticed ---- */

static bool is_not_this(const struct registration *registration, void *data)
{
    const struct descriptor *descriptor = data;
    return registration->has_identity ? registration->inode != descriptor->inode ||
                                            registration->device != descriptor->device
                                      : registration->fd != descriptor->fd;
}

static bool note_allows(const struct sleeper *sleeper, const struct descriptor *descriptor)
{
    int epoll = atomic_load(&sleeper->epoll);
    if (epoll < 0)
        return !(atomic_load(&sleeper->descriptors) & SLEEPS_ON(descriptor->fd));
    struct descriptor sought = *descriptor;
    if (epoll_registrations(epoll, is_not_this, &sought))
        return true;
    /* A thread that woke up meanwhile may have closed the instance. */
    return !atomic_load(&sleeper->is_taken);
}

bool wake_reaches_all(const struct descriptor *descriptor)
{
    if (!sleepers_matter())
        return true;
    if (atomic_load(&unnoted) > 0)
        return false;
    for (unsigned i = 0; i < NOTES; i++)
        if (atomic_load(&notes[i].is_taken) && !note_allows(&notes[i], descriptor))
            return false;
    return true;
}
