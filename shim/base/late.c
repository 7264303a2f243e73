/* Late libraries: see late.h. */
#include "base/late.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct late_name {
    const char *name;
    size_t offset; /* of the function's pointer in its table */
};

struct late_library {
    const char *sonames[2]; /* the newest first; what is used of them has not changed since */
    const struct late_name *names;
    size_t name_count;
    void *table;
    bool is_loaded;
    pthread_once_t once;
};

#define LATE_TABLE(which, NAMES, ...)                                                              \
    static struct late_##which which##_table;                                                      \
    static const struct late_name which##_names[] = {NAMES(which##_NAME)};                         \
    static struct late_library which##_library = {                                                 \
        .sonames = {__VA_ARGS__},                                                                  \
        .names = which##_names,                                                                    \
        .name_count = sizeof(which##_names) / sizeof(which##_names[0]),                            \
        .table = &which##_table,                                                                   \
        .once = PTHREAD_ONCE_INIT,                                                                 \
    };                                                                                             \
    static void which##_load(void)                                                                 \
    {                                                                                              \
        late_load(&which##_library);                                                               \
    }                                                                                              \
    const struct late_##which *late_##which(void)                                                  \
    {                                                                                              \
        pthread_once(&which##_library.once, which##_load);                                         \
        return which##_library.is_loaded ? &which##_table : NULL;                                  \
    }

/* All or nothing: a table with a hole would have to be tested at every call. */
static void late_load(struct late_library *library)
{
    void *handle = dlopen(library->sonames[0], RTLD_NOW | RTLD_LOCAL);
    if (!handle && library->sonames[1])
        handle = dlopen(library->sonames[1], RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    for (size_t i = 0; i < library->name_count; i++) {
        void *symbol = dlsym(handle, library->names[i].name);
        if (!symbol)
            return;
        /* Copied, not assigned: ISO C has no conversion from an object to a function pointer. */
        memcpy((char *)library->table + library->names[i].offset, &symbol, sizeof(symbol));
    }
    library->is_loaded = true;
}

#define lmdb_NAME(function) {#function, offsetof(struct late_lmdb, function)},
#define expat_NAME(function) {#function, offsetof(struct late_expat, function)},
#define crypto_NAME(function) {#function, offsetof(struct late_crypto, function)},
#define zlib_NAME(function) {#function, offsetof(struct late_zlib, function)},

LATE_TABLE(lmdb, LATE_LMDB, "liblmdb.so.0")
LATE_TABLE(expat, LATE_EXPAT, "libexpat.so.1")
LATE_TABLE(crypto, LATE_CRYPTO, "libcrypto.so.3", "libcrypto.so.1.1")
LATE_TABLE(zlib, LATE_ZLIB, "libz.so.1")

const char *late_missing(void)
{
    if (!late_lmdb())
        return lmdb_library.sonames[0];
    if (!late_expat())
        return expat_library.sonames[0];
    if (!late_crypto())
        return crypto_library.sonames[0];
    return late_zlib() ? NULL : zlib_library.sonames[0];
}
