/*
 * HTTP heads: the bytes of a whole head, indexed. Stricter than the framing parser: what two
 * parsers could read in two ways is refused (RFC 9112, 2.2, 5.1, 5.2).
 */
#ifndef VCACHE_EXCHANGE_HTTP_HEAD_H
#define VCACHE_EXCHANGE_HTTP_HEAD_H

#include "base/bytes.h"

struct http_head_field {
    size_t name_at, name_size, value_at, value_size;
};

struct http_head {
    struct buffer bytes; /* from the first byte of the message to the empty line, inclusive */
    size_t line_at, line_size;
    struct http_head_field *fields;
    size_t field_count, field_capacity;
};

/* Indexes `bytes`, which hold one whole head. False: no memory, or a line that does not end with
 * CRLF, a folded line, a control character, a name that is not a token. */
bool http_head_index(struct http_head *head);

struct span http_head_line(const struct http_head *head);
static inline bool http_head_field(const struct http_head *head, size_t index, struct span *name,
                                   struct span *value)
{
    if (index >= head->field_count)
        return false;
    const struct http_head_field *field = &head->fields[index];
    *name = (struct span){head->bytes.data + field->name_at, field->name_size};
    *value = (struct span){head->bytes.data + field->value_at, field->value_size};
    return true;
}

/* Empties it and keeps the memory. */
void http_head_clear(struct http_head *head);
void http_head_free(struct http_head *head);

#endif
