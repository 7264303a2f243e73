/*
 * Messages: what the tools say to people, on stderr, with the tool's name in front.
 */
#ifndef VCACHE_TOOLS_MESSAGE_H
#define VCACHE_TOOLS_MESSAGE_H

/* Exit codes: 0, EXIT_FAILURE (1), and this for what the user asked for wrongly. */
#define EXIT_USAGE 2

/* One line on stderr; `format` without a newline. Leaves errno alone. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Points to --help, after a complaint. Returns EXIT_USAGE. */
int usage_hint(void);

/* Complains, then points to --help. */
#define usage_error(...) (complain(__VA_ARGS__), usage_hint())

/* A term and what it means, wrapped and aligned, on stdout: an entry of --help. */
void help_entry(const char *term, const char *meaning);

/* Prints the version on stdout. */
void print_version(void);

/* Returns `status`, or EXIT_FAILURE with a message if stdout could not be written. */
int finish(int status);

#endif
