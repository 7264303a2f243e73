/*
 * CURLOPT_VERBOSE over a link: what libcurl tells of the transfer reaches the program as it would;
 * of the connection it is told what the handle says that makes it, if one is made.
 */
#ifndef VCACHE_FRONT_CURL_VERBOSE_H
#define VCACHE_FRONT_CURL_VERBOSE_H

#include "front/curl_handle.h"

/* With the type of CURLOPT_DEBUGFUNCTION; `handle` is the program's. */
int curl_verbose_tell(CURL *easy, curl_infotype type, char *bytes, size_t size, void *handle);

#endif
