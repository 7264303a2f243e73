/*
 * llhttp's header under other names where http.h has the same ones. Include it before http.h.
 */
#ifndef VCACHE_EXCHANGE_LLHTTP_NAMES_H
#define VCACHE_EXCHANGE_LLHTTP_NAMES_H

#define HTTP_REQUEST LLHTTP_REQUEST
#define HTTP_RESPONSE LLHTTP_RESPONSE
#define HTTP_HEAD LLHTTP_HEAD
#include <llhttp.h>
#undef HTTP_REQUEST
#undef HTTP_RESPONSE
#undef HTTP_HEAD

#endif
