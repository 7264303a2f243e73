/*
 * Path: which file execvp(3) would run for a name.
 */
#ifndef VCACHE_TOOLS_PATH_H
#define VCACHE_TOOLS_PATH_H

#include <limits.h>
#include <stdbool.h>

/* False when there is none; `found` is then undefined. */
bool path_find(const char *name, char found[PATH_MAX]);

#endif
