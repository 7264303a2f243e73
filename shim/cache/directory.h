/*
 * The cache's directory and files: made if missing, and used only when nobody but their owner can
 * reach them. Thread-safe.
 */
#ifndef VCACHE_CACHE_DIRECTORY_H
#define VCACHE_CACHE_DIRECTORY_H

#include "cache/cache.h"

#include <sys/stat.h>

/*
 * Opens the directory `path` (absolute) for use as *fd (close-on-exec). It must belong to the
 * effective user, be no symbolic link, and lie on a local file system; group and other lose their
 * permissions. `create` makes it, and what is missing above it, with mode 0700. On anything but
 * CACHE_OK, *reason says why; where hardly a descriptor is left (room.h), nothing is opened.
 */
enum cache_status directory_open(const char *path, bool create, int *fd, const char **reason);

/*
 * openat(2) for a file of the cache: never through a symbolic link, never blocking on a FIFO, never
 * as descriptor 0 to 2, close-on-exec, mode 0600. It must be a regular file of the effective user.
 * -1 on failure, errno says why (EPERM: it is not ours to use).
 */
int directory_open_file(int directory, const char *name, int flags, struct stat *status);

/* What directory_open_file asks of a file, asked without opening it: 0, or an errno value. */
int directory_examine_file(int directory, const char *name, struct stat *status);

#endif
