/* What poll and select have in common while answers wait: see wait_parts.h. */
#include "front/wait_parts.h"

#include "base/clock.h"

bool wait_has_answer(int fd)
{
    const struct wake *wake = wake_of(fd);
    return wake || epoll_has_answer(fd);
}

uint64_t wait_milliseconds(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)(time->tv_nsec + 999999) / 1000000;
}

uint64_t wait_begins(bool is_limited)
{
    return is_limited ? clock_microseconds() : 0;
}

struct timespec wait_left(struct timespec whole, uint64_t begun_us)
{
    int64_t left = whole.tv_sec * INT64_C(1000000) + whole.tv_nsec / 1000 -
                   (int64_t)(clock_microseconds() - begun_us);
    if (left < 0)
        left = 0;
    return (struct timespec){left / 1000000, left % 1000000 * 1000};
}

uint64_t wait_left_until(uint64_t until_ms)
{
    uint64_t now_ms = clock_milliseconds();
    return now_ms < until_ms ? until_ms - now_ms : 0;
}
