/* Secret: see secret.h. */
#include "exchange/secret.h"

#include <stdlib.h>
#include <string.h>

bool secret_reserve(struct buffer *b, size_t more)
{
    if (b->failed)
        return false;
    if (b->capacity - b->size >= more)
        return true;
    struct buffer bigger = {0};
    size_t wanted;
    if (__builtin_add_overflow(b->size, more, &wanted) ||
        !buffer_reserve(&bigger, wanted < b->capacity * 2 ? b->capacity * 2 : wanted)) {
        b->failed = true;
        return false;
    }
    buffer_append(&bigger, b->data, b->size);
    secret_free(b);
    *b = bigger;
    return true;
}

bool secret_append(struct buffer *b, const void *bytes, size_t size)
{
    return secret_reserve(b, size) && buffer_append(b, bytes, size);
}

void secret_free(struct buffer *b)
{
    buffer_wipe(b);
    buffer_free(b);
}
