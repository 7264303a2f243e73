/*
 * Clock: the clocks that vcache uses. Thread-safe; never fails.
 */
#ifndef VCACHE_BASE_CLOCK_H
#define VCACHE_BASE_CLOCK_H

#include <stdint.h>

/*
 * Milliseconds since boot, time asleep included (CLOCK_BOOTTIME, clock_gettime(2)). All ages are
 * measured with it: it is the same for every process, and setting the wall clock does not make a
 * stored response younger. A cache never outlives a boot, so the value is never compared across
 * two.
 */
uint64_t clock_milliseconds(void);

/*
 * Milliseconds of CLOCK_MONOTONIC_COARSE, which stands still for some at a time and costs a fifth:
 * for how long ago this process last looked at something.
 */
uint64_t clock_coarse_milliseconds(void);

/* Microseconds of CLOCK_MONOTONIC, for durations within this process. */
uint64_t clock_microseconds(void);

#endif
