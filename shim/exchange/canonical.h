/*
 * Canonical form: a stream of elements, attributes and text written down so that equal requests
 * come out equal and different ones never do (DESIGN, section 5).
 *
 *     element    02 name attribute* 03 content 04
 *     attribute  05 name 06 value
 *     name       namespace 01 local, or local alone
 *     value      as in the document; of xsi:type: 07 and the expanded name, or 08 and what the
 *                document has if its prefix is not declared
 *
 * No XML document contains these control characters, so no text or value can imitate markup.
 * Attributes are sorted; versionId is left out; text of white space beside elements is left out; a
 * run of siblings named pathSet is sorted.
 *
 * Whatever goes wrong (no memory, too deep, out of proportion) sets `is_refused` and makes the rest
 * a no-op. The form may hold a password: all memory is wiped. Not thread-safe.
 */
#ifndef VCACHE_EXCHANGE_CANONICAL_H
#define VCACHE_EXCHANGE_CANONICAL_H

#include "base/bytes.h"
#include "exchange/xml.h"

#define CANONICAL_ATTRIBUTES 32 /* more on one element are refused */
#define CANONICAL_SCOPES 64     /* more namespace declarations in force are refused */

struct canonical_level {
    size_t start;      /* of the element in `out` */
    size_t text_start; /* of the text since its start, or since its last child */
    size_t first_run;  /* index of the first `run` member of the path run among its children */
    bool has_children;
    bool is_path;
};

/* Bytes [at, at + size) of a buffer. */
struct canonical_piece {
    size_t at, size;
};

struct canonical {
    struct buffer *out;
    size_t limit; /* out->size does not grow beyond it, or its capacity if that is larger */
    bool is_refused;
    size_t depth;
    struct canonical_level levels[XML_DEPTH];

    struct canonical_piece *run; /* the pathSet elements of the runs that are still open */
    size_t run_count, run_capacity;

    struct canonical_scope {
        struct canonical_piece prefix, uri;
    } scopes[CANONICAL_SCOPES]; /* namespace declarations in force, their text in scope_text */
    size_t scope_count;
    struct buffer scope_text;
};

/* Begins to write into `out`, which is empty. `document_size` bounds what is written. */
void canonical_begin(struct canonical *c, struct buffer *out, size_t document_size);

void canonical_start(struct canonical *c, const char *name, const char **attributes);
void canonical_text(struct canonical *c, const char *text, size_t size);

/* Ends the innermost element. Its text if it has no children, else data is NULL; points into `out`
 * and is valid until the next call. */
struct span canonical_end(struct canonical *c);

/* A namespace declaration comes into force (before the start of its element) or goes. Strings are
 * NULL where expat has none. */
void canonical_declare(struct canonical *c, const char *prefix, const char *uri);
void canonical_undeclare(struct canonical *c);

/* Frees what is not `out`. */
void canonical_free(struct canonical *c);

#endif
