/* Real functions of OpenSSL, one table for each libssl: see real.h. */
#include "front/real.h"
#include "front/connection.h"
#include "front/defer.h"
#include "front/greeting.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct openssl *) libraries;

static int missing(void)
{
    return 0;
}

/* Copied, not assigned: ISO C has no conversion from an object to a function pointer. */
static void set_missing(void *member)
{
    int (*substitute)(void) = missing;
    memcpy(member, &substitute, sizeof(substitute));
}

static bool find(void *library, const char *name, void *member)
{
    void *function = dlsym(library, name);
    if (function)
        memcpy(member, &function, sizeof(function));
    else
        set_missing(member);
    return function != NULL;
}

const struct openssl *openssl_missing(void)
{
    static struct openssl table;
#define HOOK_LIBC(name)
#define HOOK_CURL(name)
#define HOOK_OPENSSL(name) set_missing(&table.name);
#define HOOK(name, type, arguments, library) HOOK_##library(name)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_LIBC
#undef HOOK_CURL
#undef HOOK_OPENSSL
    return &table;
}

/* ---- where it lies ---- */

struct extent {
    uintptr_t base;
    uintptr_t start, end;
};

static int measure(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct extent *extent = data;
    if (info->dlpi_addr != extent->base)
        return 0;
    extent->start = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD)
            continue;
        if (start < extent->start)
            extent->start = start;
        if (start + header->p_memsz > extent->end)
            extent->end = start + header->p_memsz;
    }
    return 1;
}

bool openssl_made(const struct openssl *openssl, const SSL *ssl)
{
    /* Every OpenSSL has the method among an SSL's first members, and it lies in libssl's data. */
    uintptr_t members[8];
    memcpy(members, ssl, sizeof(members));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (members[i] >= openssl->start && members[i] < openssl->end)
            return true;
    return false;
}

/* What an SSL wants stays set after an error of its BIO. */
bool openssl_put_off(const struct openssl *openssl, const SSL *ssl)
{
    switch (openssl->SSL_want(ssl)) {
    case SSL_NOTHING:
        return false;
    case SSL_READING:
        return openssl->BIO_test_flags(openssl->SSL_get_rbio(ssl), BIO_FLAGS_SHOULD_RETRY);
    case SSL_WRITING:
        return openssl->BIO_test_flags(openssl->SSL_get_wbio(ssl), BIO_FLAGS_SHOULD_RETRY);
    default:
        return true;
    }
}

/* The queue's functions differ between the versions; those that a version lacks do nothing. */
void openssl_queue_error(const struct openssl *openssl, int library, int reason)
{
    int saved = errno;
    openssl->ERR_new();
    openssl->ERR_set_error(library, reason, NULL);
    openssl->put_error(library, 0, reason, "", 0);
    errno = saved;
}

/* ---- the tables ---- */

static void fill(struct openssl *table, void *library)
{
    bool is_complete = true;
    /* What an older library lacks its programs cannot call. */
#define HOOK_LIBC(name)
#define HOOK_CURL(name)
#define HOOK_OPENSSL(name) find(library, #name, &table->name);
#define HOOK(name, type, arguments, library) HOOK_##library(name)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_LIBC
#undef HOOK_CURL
#undef HOOK_OPENSSL
#define OPENSSL_FIND(name) is_complete &= find(library, #name, &table->name);
    OPENSSL_NEEDED(OPENSSL_FIND)
#undef OPENSSL_FIND
    is_complete &= find(library, "SSL_get1_peer_certificate", &table->get_peer_certificate) ||
                   find(library, "SSL_get_peer_certificate", &table->get_peer_certificate);
    find(library, "ERR_new", &table->ERR_new);
    find(library, "ERR_set_error", &table->ERR_set_error);
    find(library, "ERR_put_error", &table->put_error);
    /* LibreSSL and OpenSSL 1.0 number the classes of extra data otherwise; there this is a
     * function, since 1.1 a macro. */
    is_complete &= !dlsym(library, "SSL_get_ex_new_index");
    table->index = is_complete ? connection_index(table) : -1;
    table->is_complete = table->index >= 0;
    bool can_defer = table->is_complete;
#define OPENSSL_FIND(name) can_defer &= find(library, #name, &table->name);
    OPENSSL_DEFERRING(OPENSSL_FIND)
#undef OPENSSL_FIND
    /* The looks of OpenSSL 3 are hooked, not those of older ones. */
    can_defer &= dlsym(library, "SSL_get1_peer_certificate") != NULL;
    table->can_defer = can_defer && greeting_indexes(table) && defer_index(table);
}

static struct openssl *find_table(struct openssl *first, const void *function)
{
    uintptr_t address = (uintptr_t)function;
    while (first && (address < first->start || address >= first->end))
        first = first->next;
    return first;
}

/* The handle is kept: what a table points to must not be unloaded. */
static struct openssl *make_table(const void *function)
{
    Dl_info info;
    void *map = NULL;
    if (!dladdr1(function, &info, &map, RTLD_DL_LINKMAP) || !map)
        return NULL;
    struct extent extent = {.base = ((const struct link_map *)map)->l_addr};
    void *library = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    /* A program with OpenSSL linked into itself: its own scope begins with it. */
    if (!library)
        library = dlopen(NULL, RTLD_LAZY);
    struct openssl *table = library ? calloc(1, sizeof(*table)) : NULL;
    if (!table)
        return NULL;
    dl_iterate_phdr(measure, &extent);
    table->start = extent.start;
    table->end = extent.end;
    fill(table, library);
    return table;
}

const struct openssl *openssl_with(const void *function)
{
    struct openssl *first = atomic_load(&libraries);
    struct openssl *found = find_table(first, function);
    struct openssl *made = found ? NULL : make_table(function);
    while (!found && made) {
        made->next = first;
        if (atomic_compare_exchange_weak(&libraries, &first, made))
            return made;
        found = find_table(first, function);
    }
    /* Another thread was faster. */
    free(made);
    return found;
}

/* ---- by what is loaded ---- */

struct search {
    size_t skip;
    char name[PATH_MAX];
};

static int find_libssl(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct search *search = data;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *file = slash ? slash + 1 : info->dlpi_name;
    size_t length = strlen(info->dlpi_name);
    if (!strstr(file, "libssl") || length >= sizeof(search->name))
        return 0;
    if (search->skip > 0) {
        search->skip--;
        return 0;
    }
    memcpy(search->name, info->dlpi_name, length + 1);
    return 1;
}

bool openssl_is_loaded(void)
{
    struct search search = {.skip = 0};
    /* What has a table is never unloaded. */
    return atomic_load(&libraries) || dl_iterate_phdr(find_libssl, &search) != 0;
}

/* The table of the loaded libssl number `index`, or NULL; false past the last one. */
static bool loaded_library(size_t index, const struct openssl **openssl)
{
    struct search search = {.skip = index};
    *openssl = NULL;
    /* Opened after the walk, not in it: the walk holds a lock of the loader. */
    if (!dl_iterate_phdr(find_libssl, &search))
        return false;
    void *library = dlopen(search.name, RTLD_NOLOAD | RTLD_LAZY);
    void *function = library ? dlsym(library, "SSL_write") : NULL;
    if (function)
        *openssl = openssl_with(function);
    if (library)
        dlclose(library);
    return true;
}

const struct openssl *openssl_that_made(const SSL *ssl)
{
    const struct openssl *openssl;
    const struct openssl *only = NULL;
    size_t count = 0;
    for (size_t i = 0; loaded_library(i, &openssl); i++) {
        if (openssl && ssl && openssl_made(openssl, ssl))
            return openssl;
        if (openssl) {
            only = openssl;
            count++;
        }
    }
    return count == 1 ? only : NULL;
}
