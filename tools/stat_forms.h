/*
 * The forms in which vcache-stat prints its figures on stdout, each in a file of its own.
 */
#ifndef VCACHE_TOOLS_STAT_FORMS_H
#define VCACHE_TOOLS_STAT_FORMS_H

#include "figures.h"
#include "screen.h"

/* For people: sums with their reasons, and on a terminal a picture. */
void print_summary(const struct figures *figures, const struct screen *screen);

/* For people: the `most` operations with the most requests. */
void print_operations(const struct figures *figures, const struct screen *screen, size_t most);

/* One JSON object. False without memory. */
bool print_json(const struct figures *figures);

/* A line for each counter, "name<TAB>value", zeros too; with operations if asked for. */
void print_counters(const struct figures *figures, bool with_operations);

#endif
