/*
 * Secret: appending to a buffer that may hold a password. Where base/bytes.h lets realloc leave the
 * old copy behind, these wipe it. Same contract otherwise; free with secret_free.
 */
#ifndef VCACHE_EXCHANGE_SECRET_H
#define VCACHE_EXCHANGE_SECRET_H

#include "base/bytes.h"

bool secret_reserve(struct buffer *b, size_t more);
bool secret_append(struct buffer *b, const void *bytes, size_t size);
void secret_free(struct buffer *b);

#endif
