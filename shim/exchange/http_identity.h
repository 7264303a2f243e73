/* Content-codings of HTTP messages: what http_identity_body is made of (http.h). */
#ifndef VCACHE_EXCHANGE_HTTP_IDENTITY_H
#define VCACHE_EXCHANGE_HTTP_IDENTITY_H

#include "exchange/http.h"

/* Whether the kept body is in another form than identity. */
bool http_is_coded(const struct http_message *message);

/* The whole, coded body of `message` into `body`, in identity form. False as http_identity_body. */
bool http_decode(const struct http_message *message, size_t limit, struct buffer *body);

#endif
