/*
 * A lock that is held but briefly, and tried but for a while: who holds it may be the very thread
 * that tries it, in a signal handler. Then it is not had. A child is to free it: who had it may not
 * be there.
 */
#ifndef VCACHE_FRONT_BRIEF_H
#define VCACHE_FRONT_BRIEF_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { BRIEF_PATIENCE = 1 << 16 }; /* in yields of the processor */

static inline bool brief_lock(atomic_bool *is_locked)
{
    unsigned yields = BRIEF_PATIENCE;
    while (atomic_exchange_explicit(is_locked, true, memory_order_acquire)) {
        if (yields-- == 0)
            return false;
        sched_yield();
    }
    return true;
}

static inline void brief_unlock(atomic_bool *is_locked)
{
    atomic_store_explicit(is_locked, false, memory_order_release);
}

#endif
