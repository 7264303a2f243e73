/* Real functions of libcurl: see real_curl.h. */
#include "front/real_curl.h"
#include "front/caller.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct curl *) libraries;

/* In place of a function that cannot be found: fails as far as its caller can tell. */
static CURLcode missing(void)
{
    return CURLE_FAILED_INIT;
}

static void *missing_pointer(void)
{
    return NULL;
}

/* Copied, not assigned: ISO C has no conversion from an object to a function pointer. */
static bool find(void *library, const char *name, void *member)
{
    CURLcode (*substitute)(void) = missing;
    void *function = library ? dlsym(library, name) : NULL;
    if (function)
        memcpy(member, &function, sizeof(function));
    else
        memcpy(member, &substitute, sizeof(substitute));
    return function != NULL;
}

/* Before 7.83 there were none; its programs do not call them. */
static bool is_younger(const char *name)
{
    return strcmp(name, "curl_easy_header") == 0 || strcmp(name, "curl_easy_nextheader") == 0;
}

static void fill(struct curl *table, void *library)
{
    bool is_complete = true;
    void *(*substitute)(void) = missing_pointer;
#define HOOK_LIBC(name)
#define HOOK_OPENSSL(name)
#define HOOK_CURL(name) is_complete &= find(library, #name, &table->name) || is_younger(#name);
#define HOOK(name, type, arguments, library) HOOK_##library(name)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_LIBC
#undef HOOK_OPENSSL
#undef HOOK_CURL
#define CURL_FIND(name) is_complete &= find(library, #name, &table->name);
    CURL_NEEDED(CURL_FIND)
#undef CURL_FIND
    if (!find(library, "curl_easy_nextheader", &table->curl_easy_nextheader))
        memcpy(&table->curl_easy_nextheader, &substitute, sizeof(substitute));
    if (!library) {
        memcpy(&table->curl_easy_init, &substitute, sizeof(substitute));
        memcpy(&table->curl_easy_duphandle, &substitute, sizeof(substitute));
        memcpy(&table->curl_multi_info_read, &substitute, sizeof(substitute));
    }
    table->is_complete = is_complete;
}

static struct curl *find_table(struct curl *first, const void *library)
{
    while (first && first->library != library)
        first = first->next;
    return first;
}

/* The handle is kept: what a table points to must not be unloaded. */
static void *library_of(const void *function)
{
    Dl_info info;
    void *library = NULL;
    if (!function || !dladdr(function, &info))
        return NULL;
    library = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    /* A program with libcurl linked into itself: its own scope begins with it. */
    return library ? library : dlopen(NULL, RTLD_LAZY);
}

/* The table of the libcurl that has this real function; of none: one whose every function fails. */
static const struct curl *table_with(const void *function)
{
    void *library = library_of(function);
    struct curl *first = atomic_load(&libraries);
    struct curl *found = find_table(first, library);
    struct curl *made = found ? NULL : calloc(1, sizeof(*made));
    if (made) {
        made->library = library;
        fill(made, library);
    }
    while (!found && made) {
        made->next = first;
        if (atomic_compare_exchange_weak(&libraries, &first, made))
            return made;
        found = find_table(first, library);
    }
    /* Another thread was faster. */
    free(made);
    return found;
}

/* Without memory even for a table. */
static const struct curl *last_resort(void)
{
    static struct curl table;
    fill(&table, NULL);
    return &table;
}

struct curl_route curl_route_of(const void *return_address, const char *name)
{
    uintptr_t address = (uintptr_t)return_address;
    uintptr_t kept = caller_recall(callers_of_curl, address);
    if (kept)
        return (struct curl_route){(const struct curl *)(kept & ~(uintptr_t)1), kept & 1};
    int saved = errno;
    struct bound bound = caller_bound(return_address, name);
    const struct curl *curl = table_with(bound.function);
    struct curl_route route = {curl ? curl : last_resort(),
                               !curl || !curl->is_complete || bound.by_libcurl};
    if (curl && bound.function)
        caller_remember(callers_of_curl, address, (uintptr_t)curl + route.passes);
    /* A name that was looked for in vain is no error of the program's. */
    dlerror();
    errno = saved;
    return route;
}
