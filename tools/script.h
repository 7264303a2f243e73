/*
 * Scripts: which program the kernel starts for a file that begins with "#!" (execve(2)).
 */
#ifndef VCACHE_TOOLS_SCRIPT_H
#define VCACHE_TOOLS_SCRIPT_H

#include <limits.h>

enum script_kind {
    SCRIPT_NONE,   /* not a script */
    SCRIPT_KNOWN,  /* `interpreter` is the file that runs it; "env NAME" is followed to NAME */
    SCRIPT_UNKNOWN /* a script, but what it comes to cannot be told */
};

enum script_kind script_read(int fd, char interpreter[PATH_MAX]);

#endif
