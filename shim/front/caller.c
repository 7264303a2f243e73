/* Callers: see caller.h. */
#include "front/caller.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

_Thread_local struct inside caller_inside;
struct caller callers[CALLERS];
struct caller callers_of_curl[CALLERS];
struct caller callers_of_connect[CALLERS];
struct caller_itself caller_itself;

enum {
    PROBES = 8,
    BEING_WRITTEN = 1 /* no return address */
};

static const struct link_map *object_of(const void *address)
{
    Dl_info info;
    /* A void pointer: the result through a cast of a typed one is undefined behaviour. */
    void *map = NULL;
    if (!dladdr1(address, &info, &map, RTLD_DL_LINKMAP))
        return NULL;
    return map;
}

static bool is_shim(const void *address)
{
    return object_of(address) == object_of(&callers);
}

static bool is_library(const struct link_map *object, const char *name)
{
    const char *slash = strrchr(object->l_name, '/');
    const char *file = slash ? slash + 1 : object->l_name;
    return strncmp(file, name, strlen(name)) == 0 && strstr(file, ".so");
}

/* libcurl polls before its first read, so a reply made up at SSL_read would hang it: it is answered
 * at its own functions (curl.h). */
static bool is_libcurl(const struct link_map *object)
{
    return is_library(object, "libcurl");
}

/* OpenSSL that asks itself means the SSL as it is. And a handshake that its own BIO asks for is
 * followed by writes that are not hooked. */
static bool is_libssl(const struct link_map *object)
{
    return is_library(object, "libssl");
}

bool caller_is_libcurl(const void *return_address)
{
    const struct link_map *object = object_of(return_address);
    return object && is_libcurl(object);
}

/* As Debian and others build it, PHP's module is in the program, or the library, that PHP is. */
static bool is_php(const struct link_map *object)
{
    int saved = errno;
    const void *of_php = dlsym(RTLD_DEFAULT, "php_module_startup");
    bool is_there = of_php && object_of(of_php) == object;
    dlerror();
    errno = saved;
    return is_there;
}

enum caller_language caller_language(const void *return_address)
{
    /* Other languages have an openssl.so, too; pyOpenSSL calls by a module of cryptography's. */
    static const struct {
        enum caller_language language;
        const char *file, *within;
    } modules[] = {{CALLER_PYTHON, "_ssl.", ""},
                   {CALLER_PYTHON, "_rust.", "/cryptography/"},
                   {CALLER_PYTHON, "_openssl.", "/cryptography/"},
                   {CALLER_RUBY, "openssl.", "/ruby/"},
                   {CALLER_PERL, "SSLeay.", ""},
                   {CALLER_PHP, "openssl.", "/php/"}};
    const struct link_map *object = object_of(return_address);
    for (size_t i = 0; object && i < sizeof(modules) / sizeof(modules[0]); i++)
        if (is_library(object, modules[i].file) && strstr(object->l_name, modules[i].within))
            return modules[i].language;
    return object && is_php(object) ? CALLER_PHP : CALLER_OTHER;
}

bool caller_waits_to_read(const void *return_address)
{
    static const char *const languages[] = {"/python", "/ruby/", "/perl", "/php/"};
    const struct link_map *object = object_of(return_address);
    for (size_t i = 0; object && i < sizeof(languages) / sizeof(languages[0]); i++)
        if (strstr(object->l_name, languages[i]))
            return false;
    return caller_language(return_address) == CALLER_OTHER;
}

/* The real function as `object` would have bound it: in its own scope; the main program's is the
 * global one. */
static const void *bound_by(const struct link_map *object, const char *name)
{
    void *function = NULL;
    if (object && object->l_name[0]) {
        void *handle = dlopen(object->l_name, RTLD_NOLOAD | RTLD_LAZY);
        function = handle ? dlsym(handle, name) : NULL;
        if (handle)
            libc_real()->dlclose(handle);
    }
    if (!function || is_shim(function))
        function = dlsym(RTLD_NEXT, name);
    return function && !is_shim(function) ? function : NULL;
}

struct bound caller_bound(const void *return_address, const char *name)
{
    const struct link_map *object = object_of(return_address);
    return (struct bound){bound_by(object, name), object && is_libcurl(object)};
}

uintptr_t caller_recall(const struct caller *table, uintptr_t address)
{
    size_t slot = caller_slot(address);
    for (size_t i = 0; i < PROBES; i++) {
        const struct caller *caller = &table[(slot + i) % CALLERS];
        if (atomic_load_explicit(&caller->address, memory_order_acquire) == address)
            return caller->route;
    }
    return 0;
}

void caller_remember(struct caller *table, uintptr_t address, uintptr_t route)
{
    size_t slot = caller_slot(address);
    for (size_t i = 0; i < PROBES; i++) {
        struct caller *caller = &table[(slot + i) % CALLERS];
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&caller->address, &none, BEING_WRITTEN)) {
            caller->route = route;
            atomic_store_explicit(&caller->address, address, memory_order_release);
            return;
        }
    }
}

static void remember_itself(const struct openssl *openssl)
{
    static atomic_flag is_taken = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&is_taken))
        return;
    caller_itself.openssl = openssl;
    caller_itself.start = openssl->start;
    atomic_store_explicit(&caller_itself.size, openssl->end - openssl->start, memory_order_release);
}

static void forget_unloaded(struct caller *table)
{
    for (size_t i = 0; i < CALLERS; i++) {
        uintptr_t address = atomic_load_explicit(&table[i].address, memory_order_acquire);
        if (address > BEING_WRITTEN && !object_of((const void *)address))
            atomic_compare_exchange_strong(&table[i].address, &address, 0);
    }
}

void caller_forget_unloaded(void)
{
    forget_unloaded(callers);
    forget_unloaded(callers_of_curl);
    forget_unloaded(callers_of_connect);
}

static struct route resolve(const void *return_address, const SSL *ssl)
{
    const struct link_map *object = object_of(return_address);
    const void *function = bound_by(object, "SSL_write");
    const struct openssl *openssl = function ? openssl_with(function) : NULL;
    bool is_certain = openssl && ssl && openssl_made(openssl, ssl);
    if (!is_certain) {
        /* A wrapper that ended in a tail call: the return address is that of its caller, who may be
         * bound to another OpenSSL or to none. */
        const struct openssl *maker = openssl_that_made(ssl);
        openssl = maker ? maker : openssl;
    }
    if (!openssl)
        return (struct route){openssl_missing(), true};
    bool is_itself = object && is_libssl(object);
    struct route route = {openssl,
                          !openssl->is_complete || is_itself || (object && is_libcurl(object))};
    if (is_certain && is_itself)
        remember_itself(openssl);
    if (is_certain)
        caller_remember(callers, (uintptr_t)return_address,
                        (uintptr_t)route.openssl + route.passes);
    return route;
}

/* Whether the mark is that of a function still under way. */
static bool is_inside(void)
{
    if (!caller_inside.openssl)
        return false;
    if ((uintptr_t)__builtin_frame_address(0) < (uintptr_t)caller_inside.frame)
        return true;
    caller_inside = (struct inside){NULL, NULL, NULL};
    return false;
}

struct route caller_find(const void *return_address, const SSL *ssl)
{
    bool is_within = is_inside();
    if (is_within && caller_inside.ssl == ssl)
        return (struct route){caller_inside.openssl, true};
    uintptr_t kept = caller_recall(callers, (uintptr_t)return_address);
    if (kept)
        return (struct route){(const struct openssl *)(kept & ~(uintptr_t)1), kept & 1};
    if (is_within && is_shim(return_address))
        return (struct route){caller_inside.openssl, true};
    int saved = errno;
    struct route route = resolve(return_address, ssl);
    /* A name that was looked for in vain is no error of the program's. */
    dlerror();
    errno = saved;
    return route;
}
