/*
 * The disguise: the options of a handle that is to be performed over a link, and back.
 *
 * To libcurl the origin is then spoken to in plain HTTP over a Unix socket, which it has the front
 * open (curl_link.h), and no proxy lies before it. All else is as the program has set it.
 */
#ifndef VCACHE_FRONT_CURL_DISGUISE_H
#define VCACHE_FRONT_CURL_DISGUISE_H

#include "front/curl_handle.h"

/* Whether a URL is one that vSphere requests go to. */
bool curl_names_vsphere(const char *url);
/* Whether the handle asks for what a cache of vSphere's could answer; and whether it can be
 * performed over a link. */
bool curl_is_vsphere(const struct curl_handle *handle);
bool curl_is_for_link(const struct curl_handle *handle);

/* False: the options are as they were, and the handle is to be performed without a link. */
bool curl_disguise_put_on(struct curl_handle *handle);
void curl_disguise_take_off(struct curl_handle *handle);

/* A handle that only connects, to the origin, as the program's would: for curl_origin_open. NULL:
 * it cannot be had. */
CURL *curl_disguise_for_origin(const struct curl_handle *handle);

/* As the exchange names it; false if there is none. */
bool curl_endpoint_of(const struct curl_handle *handle, struct endpoint *endpoint);
/* The host, and the port if one is named. Size 0: it is no https URL, or has no path. */
struct span curl_authority_of(const char *url);
/* The host that the handle's URL names, and its port. */
struct span curl_host_of(const char *url);
long curl_port_of(const char *url);

#endif
