/*
 * Real functions of libcurl: one table for each libcurl in the process (the OpenSSL and the GnuTLS
 * flavour may both be there), filled before anybody sees it and immutable then.
 *
 * Thread-safe; no locks; a table lives as long as the process.
 */
#ifndef VCACHE_FRONT_REAL_CURL_H
#define VCACHE_FRONT_REAL_CURL_H

/* Its macros of these names check types, or take three arguments where the functions take more. */
#define CURL_DISABLE_TYPECHECK
/* Programs use them all the same. */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_multi_socket

#include <stdbool.h>
#include <stddef.h>
#include <sys/select.h>

/* Needed beside the hooked ones; without one of them every handle passes. */
#define CURL_NEEDED(F)                                                                             \
    F(curl_easy_send)                                                                              \
    F(curl_easy_recv)                                                                              \
    F(curl_multi_init)                                                                             \
    F(curl_slist_free_all)                                                                         \
    F(curl_getdate)                                                                                \
    F(curl_version_info)

struct curl {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): declarations cannot have them */
#define HOOK_CURL(name, type, arguments) type(*name) arguments;
#define HOOK_LIBC(name, type, arguments)
#define HOOK_OPENSSL(name, type, arguments)
#define HOOK(name, type, arguments, library) HOOK_##library(name, type, arguments)
#include "front/hooks.def"
#undef HOOK
#undef HOOK_CURL
#undef HOOK_LIBC
#undef HOOK_OPENSSL
/* NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define CURL_MEMBER(name) __typeof__(name) *name;
    CURL_NEEDED(CURL_MEMBER)
#undef CURL_MEMBER

    bool is_complete;    /* false: every handle passes */
    const void *library; /* the loader's own handle of it */
    struct curl *next;
};

/* Where a call goes. `passes`: to the real function and nowhere else, for libcurl calls itself
 * through the PLT. */
struct curl_route {
    const struct curl *curl; /* never NULL */
    bool passes;
};

/* Where the call of `name` from `return_address` goes. */
struct curl_route curl_route_of(const void *return_address, const char *name);

#endif
