/* Clock: see clock.h. */
#include "base/clock.h"

#include <time.h>

static uint64_t milliseconds_of(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_milliseconds(void)
{
    return milliseconds_of(CLOCK_BOOTTIME);
}

uint64_t clock_coarse_milliseconds(void)
{
    return milliseconds_of(CLOCK_MONOTONIC_COARSE);
}

uint64_t clock_microseconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
