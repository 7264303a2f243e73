/*
 * Limits: what of the system's the cache may use without taking it from the program.
 */
#ifndef VCACHE_CACHE_LIMITS_H
#define VCACHE_CACHE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this process may write a file of `size` bytes. Beyond RLIMIT_FSIZE the kernel does not
 * only refuse, it sends SIGXFSZ, which would end the program (setrlimit(2)). */
bool limits_allow_file(uint64_t size);

/* Whether there is address space for a map of `size` bytes: where that is rationed (RLIMIT_AS), the
 * map would be taken from the program's memory. */
bool limits_allow_map(uint64_t size);

/* `wanted`, or less: a quarter of the file system at most, for the default directory is a small one
 * in memory, which the rest of the user's session needs too. At least 1 MiB. */
uint64_t limits_share(int directory, uint64_t wanted);

/* To whole pages. */
uint64_t limits_round_up(uint64_t size);

#endif
