/*
 * The table: titles, and rows of two times, the figure that compares them, its limit, and whether
 * it is within it. While something is measured a line on the terminal says what.
 */
#ifndef VCACHE_BENCH_TABLE_H
#define VCACHE_BENCH_TABLE_H

#include <stdbool.h>

void table_title(const char *title, const char *base, const char *other, const char *figure);

/* `limit` is text, "" for a figure without one. */
void table_row(const char *what, double base_ns, double other_ns, const char *figure,
               const char *limit, bool is_within);

/* Rows over their limits so far. */
unsigned table_over(void);

/* What is going on, for people; replaced by the next. */
__attribute__((format(printf, 1, 2))) void table_tell(const char *format, ...);

/* Says that something could not be measured, and returns false. */
bool table_complain(const char *what);

#endif
