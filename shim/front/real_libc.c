/* Real functions of libc: see real.h. */
#include "front/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

struct libc libc_functions;
atomic_bool libc_is_found;

static int not_implemented(void)
{
    errno = ENOSYS;
    return -1;
}

/* Copied, not assigned: ISO C has no conversion from an object to a function pointer. */
static void find(void *member, const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    int (*substitute)(void) = not_implemented;
    if (function)
        memcpy(member, &function, sizeof(function));
    else
        memcpy(member, &substitute, sizeof(substitute));
}

/* Two threads that come here at once write the same values. */
void libc_find(void)
{
    int saved = errno;
#define HOOK_OPENSSL(name)
#define HOOK_CURL(name)
#define HOOK_LIBC(name) find(&libc_functions.name, #name);
#define HOOK(name, type, arguments, library) HOOK_##library(name)
#include "front/hooks.def"
#undef HOOK
    atomic_store_explicit(&libc_is_found, true, memory_order_release);
    errno = saved;
}

/*
 * poll and select are async-signal-safe and dlsym is not: found here, the functions are there
 * before a signal handler of the program can ask for them.
 */
__attribute__((constructor)) static void find_early(void)
{
    libc_real();
}
