/*
 * Certificates, in libcurl's words (CURLINFO_CERTINFO): of a transfer that no connection was made
 * for, as one before it has shown them. `curl -w` asks for them whatever it is to write.
 */
#ifndef VCACHE_FRONT_CURL_CERTIFICATES_H
#define VCACHE_FRONT_CURL_CERTIFICATES_H

#include "front/curl_handle.h"

/* What the handle `easy`, which was connected for it, says of its peer is kept in the cache. */
void curl_certificates_keep(const struct curl_handle *handle, CURL *easy);

/* What was kept, if it is no older than what else the program accepts; NULL: nothing. Valid until
 * the handle's next transfer. */
struct curl_certinfo *curl_certificates_recall(struct curl_handle *handle);

/* Safe on NULL. */
void curl_certificates_free(struct curl_certinfo *certificates);

#endif
