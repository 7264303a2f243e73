/*
 * Human: quantities as people read them.
 */
#ifndef VCACHE_TOOLS_HUMAN_H
#define VCACHE_TOOLS_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE 32

/* "12.3 MiB" */
const char *human_bytes(uint64_t bytes, char text[HUMAN_SIZE]);

/* "250 ms", "12.3 s", "3 min 20 s", "2 h 05 min" */
const char *human_time(uint64_t microseconds, char text[HUMAN_SIZE]);

/* "89.1 %", or "-" of nothing */
const char *human_share(uint64_t part, uint64_t whole, char text[HUMAN_SIZE]);

#endif
