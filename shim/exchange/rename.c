/* Renaming: see rename.h. */
#include "exchange/rename.h"

#include <string.h>

static bool is_of_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-' || c == '~';
}

/* Whether what begins at `at` is not the middle of a longer name. */
static bool is_word(struct span text, const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    bool begins = at == text.data || !is_of_word(at[-1]) || !is_of_word(at[0]);
    bool ends = end == text.data + text.size || !is_of_word(*end) || !is_of_word(end[-1]);
    return begins && ends;
}

/* The first place in `text` from `from` on, and before `limit`, where `name` begins as a word; or
 * NULL. */
static const uint8_t *find_word(struct span text, const uint8_t *from, const uint8_t *limit,
                                struct span name)
{
    size_t rest = (size_t)(text.data + text.size - from);
    size_t searched = (size_t)(limit - from) + name.size - 1;
    const uint8_t *end = from + (searched < rest ? searched : rest);
    while ((from = memmem(from, (size_t)(end - from), name.data, name.size)) != NULL) {
        if (is_word(text, from, name.size))
            return from;
        from++;
    }
    return NULL;
}

/* The first name of all from `from` on: where it begins, what it is, what takes its place. */
static const uint8_t *find_first(struct span text, const uint8_t *from, struct span names,
                                 enum rename_way way, struct span *name, struct span *other)
{
    const uint8_t *first = NULL;
    struct span ours, theirs;
    while (span_take_sized(&names, &ours) && span_take_sized(&names, &theirs)) {
        struct span searched = way == RENAME_FOR_ORIGIN ? ours : theirs;
        const uint8_t *limit = first ? first : text.data + text.size;
        const uint8_t *at = find_word(text, from, limit, searched);
        if (!at)
            continue;
        first = at;
        *name = searched;
        *other = way == RENAME_FOR_ORIGIN ? theirs : ours;
    }
    return first;
}

bool rename_text(struct span text, struct span names, enum rename_way way, struct buffer *to)
{
    const uint8_t *from = text.data;
    const uint8_t *end = text.data + text.size;
    const uint8_t *at;
    struct span name, other;
    while (from < end && (at = find_first(text, from, names, way, &name, &other)) != NULL) {
        buffer_append(to, from, (size_t)(at - from));
        buffer_append_span(to, other);
        from = at + name.size;
    }
    buffer_append(to, from, (size_t)(end - from));
    return !to->failed;
}
