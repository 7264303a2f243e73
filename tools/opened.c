/* Opened: see opened.h. */
#include "opened.h"

#include "message.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* The gate is not tried again for a second after it could not be had (cache/gate.h). */
enum { BUSY_TRIES = 3 };
static const struct timespec busy_pause = {.tv_sec = 1, .tv_nsec = 100000000};

bool busy_is_waited_out(enum cache_status status, unsigned *tries)
{
    if (status != CACHE_BUSY || *tries == BUSY_TRIES)
        return false;
    (*tries)++;
    return nanosleep(&busy_pause, NULL) == 0;
}

/* A plain question first: without a directory there is nothing to open, with whatever library. */
static bool is_absent(const char *directory)
{
    struct stat status;
    return lstat(directory, &status) != 0 && errno == ENOENT;
}

enum cache_status opened_cache(struct config *config, struct cache **cache)
{
    *cache = NULL;
    config_read(config);
    if (!config->directory[0]) {
        complain("no directory for a cache: none of VCACHE_DIR, XDG_RUNTIME_DIR, XDG_CACHE_HOME "
                 "and HOME names an absolute path; give --dir");
        return CACHE_UNAVAILABLE;
    }
    if (is_absent(config->directory))
        return CACHE_ABSENT;
    *cache = cache_open(config);
    enum cache_status status;
    unsigned tries = 0;
    do
        status = *cache ? cache_ready(*cache, false) : CACHE_UNAVAILABLE;
    while (busy_is_waited_out(status, &tries));
    if (status != CACHE_OK && status != CACHE_ABSENT) {
        complain("the cache in '%s' cannot be used. %s", config->directory,
                 *cache ? cache_reason(*cache) : "There is no memory.");
    }
    if (status != CACHE_OK && *cache) {
        cache_close(*cache);
        *cache = NULL;
    }
    return status;
}
