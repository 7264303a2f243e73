/*
 * Callers: which libssl, or which libcurl, a call means.
 *
 * A preloaded object cannot ask the loader for "the next" SSL_write: under CPython, Perl or PHP the
 * extension that calls was opened with RTLD_LOCAL, and two OpenSSLs can be in one process. So the
 * real functions are looked for in the scope of whoever calls, known by its return address, and
 * found once for each place that calls.
 */
#ifndef VCACHE_FRONT_CALLER_H
#define VCACHE_FRONT_CALLER_H

#include "front/real.h"

/* Where a call goes. `passes`: to the real function and nowhere else. */
struct route {
    const struct openssl *openssl; /* never NULL */
    bool passes;
};

/*
 * The mark of this thread while it is in a real function that a hook called: OpenSSL's public
 * functions call each other through the PLT and as tail calls, so hooks are entered again for the
 * same SSL, even with a return address inside the shim. Callbacks of the program may use other SSLs
 * meanwhile: those are routed as ever.
 */
struct inside {
    const struct openssl *openssl; /* NULL: in none */
    const SSL *ssl;
    const void *frame; /* the stack's end then: a mark that a longjmp left behind shows by it */
};
extern _Thread_local struct inside caller_inside;

/* Brackets a call of a real function. */
#define CALLER_ENTER(openssl_, ssl_)                                                               \
    struct inside caller_outside = caller_inside;                                                  \
    caller_inside = (struct inside)                                                                \
    {                                                                                              \
        (openssl_), (ssl_), __builtin_frame_address(0)                                             \
    }
#define CALLER_LEAVE() (caller_inside = caller_outside)

/* Write-once: an address is not replaced while anybody may call from it, so that address and route
 * belong together. */
struct caller {
    _Atomic uintptr_t address;
    uintptr_t route; /* a table's address, plus 1 if the calls of this place pass */
};
#define CALLERS 512
/* One place may call all of them, by a common tail. */
extern struct caller callers[CALLERS]; /* of OpenSSL */
extern struct caller callers_of_curl[CALLERS];
extern struct caller callers_of_connect[CALLERS];

/* The first libssl that was seen to ask itself: it does so several times a record, and means the
 * SSL as it is, wherever in it the call stands. Nothing lies in it while its size is 0. */
struct caller_itself {
    const struct openssl *openssl;
    uintptr_t start;
    _Atomic uintptr_t size;
};
extern struct caller_itself caller_itself;

/* The route that is kept for that place; 0: none. */
uintptr_t caller_recall(const struct caller *table, uintptr_t address);
/* Keeps it. Without room the place is looked up at every call: slow, and right. */
void caller_remember(struct caller *table, uintptr_t address, uintptr_t route);
/* Forgets the places that are in no object any more. */
void caller_forget_unloaded(void);

/* What `name` means where the call came from. The real function is NULL if it cannot be found. */
struct bound {
    const void *function;
    bool by_libcurl; /* which is where the call came from */
};
struct bound caller_bound(const void *return_address, const char *name);

static inline size_t caller_slot(uintptr_t address)
{
    return (address ^ (address >> 9)) % CALLERS;
}

/* Whether that is an address within libcurl. */
bool caller_is_libcurl(const void *return_address);
/* The language whose module for TLS (CPython's ssl, Ruby's openssl, Perl's Net::SSLeay, PHP's
 * openssl) that is an address within. errno is kept. */
enum caller_language { CALLER_OTHER, CALLER_PYTHON, CALLER_RUBY, CALLER_PERL, CALLER_PHP };
enum caller_language caller_language(const void *return_address);
/* Whether who writes there may be told that it has to wait until it can read, as SSL_write(3) says.
 * A language's module passes that on to programs that mostly do not know what to do then. NULL, a
 * write that shakes hands, too: may be. */
bool caller_waits_to_read(const void *return_address);

struct route caller_find(const void *return_address, const SSL *ssl);

/* Where the call from `return_address` on `ssl` goes. */
static inline struct route caller_route(const void *return_address, const SSL *ssl)
{
    uintptr_t address = (uintptr_t)return_address;
    const struct caller *caller = &callers[caller_slot(address)];
    uintptr_t size = atomic_load_explicit(&caller_itself.size, memory_order_acquire);
    if (address - caller_itself.start < size)
        return (struct route){caller_itself.openssl, true};
    if (__builtin_expect(!caller_inside.openssl &&
                             atomic_load_explicit(&caller->address, memory_order_acquire) ==
                                 address,
                         1)) {
        const char *route = (const char *)caller->route;
        bool passes = caller->route & 1;
        return (struct route){(const struct openssl *)(const void *)(route - passes), passes};
    }
    return caller_find(return_address, ssl);
}

#endif
