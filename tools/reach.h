/*
 * Reach: whether the shim can be loaded into a command, and is of use there.
 */
#ifndef VCACHE_TOOLS_REACH_H
#define VCACHE_TOOLS_REACH_H

#include <limits.h>

enum reach {
    REACH_YES,    /* or nothing says otherwise */
    REACH_NOT,    /* the command itself is not reached; what it starts may be */
    REACH_HARMFUL /* a foreign loader would fail or complain: nothing is to be preloaded */
};

#define REACH_WHY_SIZE (2 * PATH_MAX + 256)

/*
 * Judges the file that `command` names (in PATH if it has no slash). If the result is not
 * REACH_YES, `why` says so as a sentence about the file: "'/usr/bin/x' is …".
 */
enum reach reach_of(const char *command, const char *shim, char why[REACH_WHY_SIZE]);

#endif
