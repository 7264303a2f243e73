/*
 * Canonical form, the names in force: namespace declarations, kept because expat expands the names
 * of elements and attributes, but not the qualified name that is the value of an xsi:type.
 */
#include "exchange/canonical_parts.h"
#include "exchange/secret.h"

#include <stdlib.h>
#include <string.h>

#define EXPANDED "\x07"
#define UNDECLARED "\x08"

static struct canonical_piece keep_text(struct canonical *c, const char *text)
{
    struct canonical_piece piece = {c->scope_text.size, text ? strlen(text) : 0};
    if (!secret_append(&c->scope_text, text, piece.size))
        c->is_refused = true;
    return piece;
}

void canonical_declare(struct canonical *c, const char *prefix, const char *uri)
{
    if (c->is_refused)
        return;
    if (c->scope_count == CANONICAL_SCOPES) {
        c->is_refused = true;
        return;
    }
    struct canonical_piece kept_prefix = keep_text(c, prefix);
    struct canonical_piece kept_uri = keep_text(c, uri);
    c->scopes[c->scope_count++] = (struct canonical_scope){kept_prefix, kept_uri};
}

void canonical_undeclare(struct canonical *c)
{
    if (c->is_refused || c->scope_count == 0)
        return;
    c->scope_count--;
    c->scope_text.size = c->scopes[c->scope_count].prefix.at;
}

static struct span kept(const struct canonical *c, struct canonical_piece piece)
{
    if (piece.size == 0)
        return (struct span){0};
    return (struct span){c->scope_text.data + piece.at, piece.size};
}

/* The innermost declaration of `prefix` (empty: of the default namespace), or NULL. */
static const struct canonical_scope *find_scope(const struct canonical *c, struct span prefix)
{
    for (size_t i = c->scope_count; i-- > 0;)
        if (span_equal(kept(c, c->scopes[i].prefix), prefix))
            return &c->scopes[i];
    return NULL;
}

void canonical_append_qualified(struct canonical *c, const char *value)
{
    const char *colon = strchr(value, ':');
    size_t prefix_size = colon ? (size_t)(colon - value) : 0;
    const char *local = colon ? colon + 1 : value;
    const struct canonical_scope *scope =
        find_scope(c, (struct span){(const uint8_t *)value, prefix_size});
    if (colon && !scope) {
        canonical_append(c, UNDECLARED, 1);
        canonical_append(c, value, strlen(value));
        return;
    }
    canonical_append(c, EXPANDED, 1);
    if (scope && scope->uri.size > 0) {
        static const char separator = XML_SEPARATOR;
        struct span uri = kept(c, scope->uri);
        canonical_append(c, uri.data, uri.size);
        canonical_append(c, &separator, 1);
    }
    canonical_append(c, local, strlen(local));
}

void canonical_free(struct canonical *c)
{
    free(c->run);
    c->run = NULL;
    secret_free(&c->scope_text);
}
