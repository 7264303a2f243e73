/* Preload: see preload.h. */
#include "preload.h"

#include "base/bytes.h"
#include "places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What ends a name in LD_PRELOAD (ld.so(8)). */
static const char separators[] = " :";

static bool is_readable_at(const char *directory, const char *below, char shim[PATH_MAX])
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s%s/libvcache.so", directory, below);
    return access(path, R_OK) == 0 && realpath(path, shim);
}

bool preload_find(char shim[PATH_MAX])
{
    char own[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (size > 0) {
        own[size] = '\0';
        *strrchr(own, '/') = '\0';
        if (is_readable_at(own, "", shim) || is_readable_at(own, "/../lib/vcache", shim))
            return true;
    }
    return is_readable_at(VCACHE_LIBDIR, "/vcache", shim);
}

bool preload_can_name(const char *shim)
{
    return !strpbrk(shim, separators) && !strchr(shim, '$');
}

/* Appends the names of LD_PRELOAD other than `shim`. */
static void append_others(struct buffer *names, const char *shim)
{
    const char *at = getenv("LD_PRELOAD");
    for (at = at ? at : ""; *at;) {
        size_t size = strcspn(at, separators);
        struct span name = {(const uint8_t *)at, size};
        if (size > 0 && !span_equal(name, span_of_text(shim))) {
            if (names->size > 0)
                buffer_append_text(names, ":");
            buffer_append_span(names, name);
        }
        at += size;
        at += strspn(at, separators);
    }
}

static bool set_names(struct buffer *names)
{
    bool is_set = buffer_append(names, "", 1);
    if (is_set && names->size > 1)
        is_set = setenv("LD_PRELOAD", (const char *)names->data, 1) == 0;
    else if (is_set)
        is_set = unsetenv("LD_PRELOAD") == 0;
    buffer_free(names);
    return is_set;
}

bool preload_add(const char *shim)
{
    struct buffer names = {0};
    buffer_append_text(&names, shim);
    append_others(&names, shim);
    return set_names(&names);
}

bool preload_remove(const char *shim)
{
    struct buffer names = {0};
    append_others(&names, shim);
    return set_names(&names);
}
