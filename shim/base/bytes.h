/*
 * Bytes: (pointer, length) pairs and growing buffers.
 *
 * Nothing here aborts: a buffer that could not grow remembers it (`failed`), further appends do
 * nothing, and the caller asks once at the end. Not thread-safe: a buffer has one user at a time.
 */
#ifndef VCACHE_BASE_BYTES_H
#define VCACHE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Borrowed bytes: owns nothing, and is valid as long as what it points into. */
struct span {
    const uint8_t *data;
    size_t size;
};

#define SPAN_OF(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct span span_of_text(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ASCII case-insensitive, as header field names are (RFC 9110, 5.1). */
static inline bool span_equal_ignoring_case(struct span a, struct span b)
{
    return a.size == b.size &&
           (a.size == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0);
}

bool span_contains(struct span haystack, struct span needle);
/* What buffer_append_sized appended is at the beginning of *from: takes it from there into *part.
 * False: it is not, or not whole. */
bool span_take_sized(struct span *from, struct span *part);
/* Takes the line that *from begins with, and its CRLF, into *line (without that). False: it does
 * not end so; *from is as it was. */
bool span_take_line(struct span *from, struct span *line);
/* Without leading and trailing spaces and tabs. */
struct span span_trimmed(struct span s);

/* Owned bytes. `{0}` is an empty buffer. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed; /* memory ran out: the content is incomplete */
};

/* Makes room for `more` bytes beyond size; false (and `failed`) when there is no memory. */
bool buffer_reserve(struct buffer *b, size_t more);
bool buffer_append(struct buffer *b, const void *bytes, size_t size);
bool buffer_append_span(struct buffer *b, struct span s);
bool buffer_append_text(struct buffer *b, const char *text);
/* The length of `s` as 8 bytes, then `s`: so that ("ab","c") and ("a","bc") differ. */
bool buffer_append_sized(struct buffer *b, struct span s);
struct span buffer_span(const struct buffer *b);
/* Empties it and keeps the memory. */
void buffer_clear(struct buffer *b);
/* Overwrites the content (and the unused rest), then empties it: for what held a secret. */
void buffer_wipe(struct buffer *b);
/* Frees the memory; the buffer is empty and usable again. */
void buffer_free(struct buffer *b);

#endif
