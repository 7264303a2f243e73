/* Human: see human.h. */
#include "human.h"

#include <inttypes.h>
#include <stdio.h>

const char *human_bytes(uint64_t bytes, char text[HUMAN_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, HUMAN_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

const char *human_time(uint64_t microseconds, char text[HUMAN_SIZE])
{
    uint64_t seconds = (microseconds + 500000) / 1000000;
    if (microseconds < 999500)
        snprintf(text, HUMAN_SIZE, "%" PRIu64 " ms", (microseconds + 500) / 1000);
    else if (microseconds < 59950000)
        snprintf(text, HUMAN_SIZE, "%.1f s", (double)microseconds / 1e6);
    else if (seconds < 3600)
        snprintf(text, HUMAN_SIZE, "%" PRIu64 " min %02" PRIu64 " s", seconds / 60, seconds % 60);
    else
        snprintf(text, HUMAN_SIZE, "%" PRIu64 " h %02" PRIu64 " min", seconds / 3600,
                 seconds / 60 % 60);
    return text;
}

const char *human_share(uint64_t part, uint64_t whole, char text[HUMAN_SIZE])
{
    if (whole == 0)
        snprintf(text, HUMAN_SIZE, "-");
    else
        snprintf(text, HUMAN_SIZE, "%.1f %%", 100.0 * (double)part / (double)whole);
    return text;
}
