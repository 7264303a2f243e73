/*
 * The loader, as the program calls it.
 *
 * dlclose: who is loaded where another was calls from the same addresses, and may mean another
 * library.
 *
 * dlopen, for the sake of PHP: it opens its extensions with RTLD_DEEPBIND, and what is opened so
 * binds to its own libraries before a preloaded object. Its extension on libcurl is opened without.
 *
 * The loader looks for a library as its caller says (RUNPATH, namespace), whom it knows by the
 * return address: so the real function is jumped to, not called.
 */
#include "front/caller.h"
#include "front/real.h"

#include "base/config.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

static bool is_curl_extension(const char *file)
{
    static const char name[] = "/curl.so";
    size_t size = file ? strlen(file) : 0;
    return size >= sizeof(name) - 1 && strcmp(file + size - (sizeof(name) - 1), name) == 0;
}

/* Not inlined: the caller's frame must be gone before the jump. */
__attribute__((noinline)) static int mode_for(const char *file, int mode)
{
    struct config config;
    if (!(mode & RTLD_DEEPBIND) || !is_curl_extension(file))
        return mode;
    int saved = errno;
    config_read(&config);
    errno = saved;
    return config.is_disabled ? mode : mode & ~RTLD_DEEPBIND;
}

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
    mode = mode_for(file, mode);
    return libc_real()->dlopen(file, mode);
}

__attribute__((visibility("default"))) int dlclose(void *library)
{
    int result = libc_real()->dlclose(library);
    caller_forget_unloaded();
    return result;
}
