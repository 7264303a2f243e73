/* Path: see path.h. */
#include "path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_executable_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Writes `directory`/`name`; an empty directory is the current one, as in every shell. */
static bool join(const char *directory, size_t size, const char *name, char path[PATH_MAX])
{
    int length = snprintf(path, PATH_MAX, "%.*s%s%s", (int)size, directory, size ? "/" : "", name);
    return length > 0 && length < PATH_MAX;
}

bool path_find(const char *name, char found[PATH_MAX])
{
    if (strchr(name, '/'))
        return join("", 0, name, found) && is_executable_file(found);
    char standard[256];
    const char *at = getenv("PATH");
    if (!at) {
        size_t size = confstr(_CS_PATH, standard, sizeof(standard));
        at = size > 0 && size <= sizeof(standard) ? standard : "/bin:/usr/bin";
    }
    for (;; at++) {
        size_t size = strcspn(at, ":");
        if (join(at, size, name, found) && is_executable_file(found))
            return true;
        at += size;
        if (!*at)
            return false;
    }
}
