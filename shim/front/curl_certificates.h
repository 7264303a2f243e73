/*
 * What a peer has shown, in libcurl's words: its certificates (CURLINFO_CERTINFO), and what
 * verifying them came to (CURLINFO_SSL_VERIFYRESULT). Of a transfer that no connection was made for
 * it is what one before it was shown. `curl -w` and PHP ask for it whatever they want to know.
 */
#ifndef VCACHE_FRONT_CURL_CERTIFICATES_H
#define VCACHE_FRONT_CURL_CERTIFICATES_H

#include "front/curl_handle.h"

struct curl_shown {
    long verify_result;
    struct curl_certinfo *certificates; /* NULL: nobody has asked for them */
};

/* What the handle `easy`, which was connected for it, was shown is kept in the cache. */
void curl_certificates_keep(const struct curl_handle *handle, CURL *easy);

/* What was kept, if it is no older than what else the program accepts, and has the certificates if
 * the handle asks for them; NULL: nothing. Valid until the handle's next transfer. */
const struct curl_shown *curl_certificates_recall(struct curl_handle *handle);

/* Safe on NULL. */
void curl_certificates_free(struct curl_shown *shown);

#endif
