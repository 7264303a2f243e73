/*
 * Preload: where the shim is, and LD_PRELOAD.
 */
#ifndef VCACHE_TOOLS_PRELOAD_H
#define VCACHE_TOOLS_PRELOAD_H

#include <limits.h>
#include <stdbool.h>

/*
 * The absolute path of libvcache.so: beside this program, or in ../lib/vcache seen from it, or in
 * the directory it was built for. False when it is in none of them.
 */
bool preload_find(char shim[PATH_MAX]);

/* Whether LD_PRELOAD can name the path: blanks and colons end a name there, '$' begins a token. */
bool preload_can_name(const char *shim);

/* Puts `shim` in front of what LD_PRELOAD names already, once. False without memory. */
bool preload_add(const char *shim);

/* Takes `shim` out of LD_PRELOAD. False without memory. */
bool preload_remove(const char *shim);

#endif
