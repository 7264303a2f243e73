/*
 * Log: one line an event, to the file of VCACHE_LOG or to stderr. Silent unless the user asked.
 *
 * A line is one write(2) to a descriptor opened for it alone, so lines of many processes do not
 * mix, and a program that closes all its descriptors closes none of ours. Thread-safe. Never fails
 * visibly: a line that cannot be written is lost. Callers keep secrets out: what goes in is an
 * endpoint, an operation's name, a verdict, numbers.
 */
#ifndef VCACHE_BASE_LOG_H
#define VCACHE_BASE_LOG_H

#include "base/config.h"

/* Where lines go from now on in this process. Before it is called nothing is logged. */
void log_open(const struct config *config);

bool log_wants(enum log_level level);

/* `format` without a newline; the line is cut at 1 KiB, and control bytes become '?'. */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#endif
