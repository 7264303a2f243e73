/* Canonical form, the elements: see canonical.h. The names in force are in canonical_names.c, the
 * runs of pathSet in canonical_run.c. */
#include "exchange/canonical_parts.h"
#include "exchange/secret.h"

#include <string.h>

#define ELEMENT_START "\x02"
#define CONTENT_START "\x03"
#define ELEMENT_END "\x04"
#define ATTRIBUTE_NAME "\x05"
#define ATTRIBUTE_VALUE "\x06"

#define XSI_TYPE "http://www.w3.org/2001/XMLSchema-instance\x01type"

void canonical_begin(struct canonical *c, struct buffer *out, size_t document_size)
{
    c->out = out;
    /* A namespace is declared once and written at every element: without a bound, a long one would
     * multiply a document. Real requests grow by less than four. */
    c->limit = document_size * 16 + 4096;
    c->is_refused = false;
    c->depth = 0;
    c->run = NULL;
    c->run_count = c->run_capacity = 0;
    c->scope_count = 0;
    c->scope_text = (struct buffer){0};
    if (!secret_reserve(out, document_size * 3 + 512))
        c->is_refused = true;
}

void canonical_append(struct canonical *c, const void *bytes, size_t size)
{
    if (c->is_refused)
        return;
    if (c->out->size > c->limit || size > c->limit - c->out->size ||
        !secret_append(c->out, bytes, size))
        c->is_refused = true;
}

/* As canonical_append, for the many short pieces: there is room, nearly always. */
static inline void put(struct canonical *c, const void *bytes, size_t size)
{
    if (c->out->capacity - c->out->size < size) {
        canonical_append(c, bytes, size);
        return;
    }
    memcpy(c->out->data + c->out->size, bytes, size);
    c->out->size += size;
}

static void put_text(struct canonical *c, const char *text)
{
    put(c, text, strlen(text));
}

static void put_attribute(struct canonical *c, const char *name, const char *value)
{
    put(c, ATTRIBUTE_NAME, 1);
    put_text(c, name);
    put(c, ATTRIBUTE_VALUE, 1);
    if (strcmp(name, XSI_TYPE) == 0)
        canonical_append_qualified(c, value);
    else
        put_text(c, value);
}

/* Sorts by insertion: an element of vim25 has three attributes at most. */
static size_t sort_attributes(const char **attributes, const char **sorted[CANONICAL_ATTRIBUTES])
{
    size_t count = 0;
    for (const char **a = attributes; *a; a += 2) {
        if (strcmp(a[0], "versionId") == 0)
            continue;
        if (count == CANONICAL_ATTRIBUTES)
            return SIZE_MAX;
        size_t i = count++;
        for (; i > 0 && strcmp(sorted[i - 1][0], a[0]) > 0; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = a;
    }
    return count;
}

static void put_attributes(struct canonical *c, const char **attributes)
{
    const char **sorted[CANONICAL_ATTRIBUTES];
    size_t count = sort_attributes(attributes, sorted);
    if (count == SIZE_MAX) {
        c->is_refused = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        put_attribute(c, sorted[i][0], sorted[i][1]);
}

static bool is_white(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return false;
    return true;
}

/* The text beside a child element has ended: white space goes, anything else ends a path run. */
static void settle_text(struct canonical *c, struct canonical_level *level)
{
    size_t size = c->out->size - level->text_start;
    if (is_white(c->out->data + level->text_start, size))
        c->out->size = level->text_start;
    else
        canonical_run_end(c, level);
}

void canonical_start(struct canonical *c, const char *name, const char **attributes)
{
    if (c->depth == XML_DEPTH)
        c->is_refused = true;
    if (c->is_refused)
        return;
    size_t name_size = strlen(name);
    bool is_path = canonical_is_path(name, name_size);
    if (c->depth > 0) {
        struct canonical_level *parent = &c->levels[c->depth - 1];
        settle_text(c, parent);
        parent->has_children = true;
        if (!is_path)
            canonical_run_end(c, parent);
    }
    struct canonical_level *level = &c->levels[c->depth++];
    level->start = c->out->size;
    level->first_run = c->run_count;
    level->is_path = is_path;
    level->has_children = false;
    put(c, ELEMENT_START, 1);
    put(c, name, name_size);
    if (attributes[0])
        put_attributes(c, attributes);
    put(c, CONTENT_START, 1);
    level->text_start = c->out->size;
}

void canonical_text(struct canonical *c, const char *text, size_t size)
{
    put(c, text, size);
}

struct span canonical_end(struct canonical *c)
{
    const struct span none = {0};
    if (c->is_refused || c->depth == 0)
        return none;
    struct canonical_level *level = &c->levels[c->depth - 1];
    if (level->has_children) {
        settle_text(c, level);
        canonical_run_end(c, level);
    }
    size_t text_size = c->out->size - level->text_start;
    put(c, ELEMENT_END, 1);
    c->depth--;
    if (c->depth > 0) {
        c->levels[c->depth - 1].text_start = c->out->size;
        if (level->is_path)
            canonical_run_add(c, level->start);
    }
    if (c->is_refused || level->has_children)
        return none;
    return (struct span){c->out->data + level->text_start, text_size};
}
