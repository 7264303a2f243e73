/* Links, their names in the cache's directory: see curl_link.h. */
#include "front/curl_link_parts.h"

#include "exchange/context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Then the number of the process, and that of the link in it. */
static const char prefix[] = "link.";

/* ---- of the dead ------------------------------------------------------------------------------
 */

/* A name is there until libcurl has connected, which is at once. */
static bool is_old(int directory, const char *name)
{
    enum { SECONDS = 60 };
    struct stat seen;
    return fstatat(directory, name, &seen, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(seen.st_mode) &&
           seen.st_mtim.tv_sec < time(NULL) - SECONDS;
}

static bool is_of_the_dead(const char *name)
{
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return false;
    char *end;
    long process = strtol(name + sizeof(prefix) - 1, &end, 10);
    return process > 0 && *end == '.' && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

/* A process that was killed in between has left its name behind. */
static void sweep(void)
{
    DIR *list = opendir(context_get()->config.directory);
    if (!list)
        return;
    /* cppcheck-suppress readdirCalled ; nobody else reads from this list */
    for (const struct dirent *entry = readdir(list); entry; entry = readdir(list))
        if (is_of_the_dead(entry->d_name) && is_old(dirfd(list), entry->d_name))
            unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
}

/* ---- one's own --------------------------------------------------------------------------------
 */

/* False if the name is too long: then the directory is to be opened, and has a short one. */
static bool name_in(const char *directory, char *path, size_t room)
{
    static atomic_uint count;
    int size = snprintf(path, room, "%s/%s%d.%u", directory, prefix, (int)getpid(),
                        atomic_fetch_add(&count, 1));
    return size > 0 && (size_t)size < room;
}

/* Only in a directory that is fit for a cache: in another, somebody else could put a socket of his
 * own in the place of this one, and libcurl would tell him the password. */
bool link_name(struct curl_link *link, char *path, size_t room)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct context *context = context_get();
    const char *directory = context->config.directory;
    char opened[32];
    if (cache_ready(context->cache, true) != CACHE_OK)
        return false;
    pthread_once(&once, sweep);
    if (name_in(directory, path, room))
        return true;
    link->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(opened, sizeof(opened), "/proc/self/fd/%d", link->directory);
    return link->directory >= 0 && name_in(opened, path, room);
}

bool curl_link_is_spoken_of(struct span line)
{
    char name[32];
    snprintf(name, sizeof(name), "/%s%d.", prefix, (int)getpid());
    return span_contains(line, span_of_text(name));
}
