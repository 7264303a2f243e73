/* Bytes: see bytes.h. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

bool span_contains(struct span haystack, struct span needle)
{
    if (needle.size == 0 || haystack.size < needle.size)
        return needle.size == 0;
    return memmem(haystack.data, haystack.size, needle.data, needle.size) != NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool span_take_sized(struct span *from, struct span *part)
{
    uint64_t size;
    if (from->size < sizeof(size))
        return false;
    memcpy(&size, from->data, sizeof(size));
    if (size > from->size - sizeof(size))
        return false;
    *part = (struct span){from->data + sizeof(size), (size_t)size};
    from->data += sizeof(size) + (size_t)size;
    from->size -= sizeof(size) + (size_t)size;
    return true;
}

bool span_take_line(struct span *from, struct span *line)
{
    const uint8_t *end = from->size > 0 ? memchr(from->data, '\n', from->size) : NULL;
    if (!end || end == from->data || end[-1] != '\r')
        return false;
    *line = (struct span){from->data, (size_t)(end - 1 - from->data)};
    from->size -= line->size + 2;
    from->data = end + 1;
    return true;
}

struct span span_trimmed(struct span s)
{
    while (s.size > 0 && is_blank(s.data[0])) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.data[s.size - 1]))
        s.size--;
    return s;
}

bool buffer_reserve(struct buffer *b, size_t more)
{
    if (b->failed)
        return false;
    if (b->capacity - b->size >= more)
        return true;
    size_t wanted;
    if (__builtin_add_overflow(b->size, more, &wanted)) {
        b->failed = true;
        return false;
    }
    size_t capacity = b->capacity < 256 ? 256 : b->capacity;
    while (capacity < wanted && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    uint8_t *data = capacity < wanted ? NULL : realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool buffer_append(struct buffer *b, const void *bytes, size_t size)
{
    if (!buffer_reserve(b, size))
        return false;
    if (size > 0)
        memcpy(b->data + b->size, bytes, size);
    b->size += size;
    return true;
}

bool buffer_append_span(struct buffer *b, struct span s)
{
    return buffer_append(b, s.data, s.size);
}

bool buffer_append_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

bool buffer_append_sized(struct buffer *b, struct span s)
{
    uint64_t size = s.size;
    return buffer_append(b, &size, sizeof(size)) && buffer_append_span(b, s);
}

struct span buffer_span(const struct buffer *b)
{
    return (struct span){b->data, b->size};
}

void buffer_clear(struct buffer *b)
{
    b->size = 0;
    b->failed = false;
}

void buffer_wipe(struct buffer *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    buffer_clear(b);
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}
