/*
 * Canonical form, inside: what canonical.c, canonical_names.c and canonical_run.c have of each
 * other.
 */
#ifndef VCACHE_EXCHANGE_CANONICAL_PARTS_H
#define VCACHE_EXCHANGE_CANONICAL_PARTS_H

#include "exchange/canonical.h"

void canonical_append(struct canonical *c, const void *bytes, size_t size);

/* The value of an xsi:type, its prefix expanded by the declarations in force. */
void canonical_append_qualified(struct canonical *c, const char *value);

/* Whether `name` is an element whose siblings of the same name are a set, not a list. */
bool canonical_is_path(const char *name, size_t size);
/* The element that began at `start` and has just been written is one of them. */
void canonical_run_add(struct canonical *c, size_t start);
/* Something else follows in `level`: sorts its run, if there is one. */
void canonical_run_end(struct canonical *c, const struct canonical_level *level);

#endif
