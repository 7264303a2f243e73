/* Messages: see message.h. */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_INDENT = 29, HELP_WIDTH = 79 };

void complain(const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    errno = saved;
}

int usage_hint(void)
{
    complain("'%s --help' lists the options", program_invocation_short_name);
    return EXIT_USAGE;
}

/* The bytes of `text` that fit into `room`, broken at a blank where there is one. */
static size_t fitting(const char *text, size_t room)
{
    size_t length = strlen(text);
    if (length <= room)
        return length;
    for (size_t at = room; at > 0; at--)
        if (text[at] == ' ')
            return at;
    return strcspn(text, " ");
}

void help_entry(const char *term, const char *meaning)
{
    int used = printf("  %s", term);
    if (used > HELP_INDENT - 2) {
        putchar('\n');
        used = 0;
    }
    for (const char *rest = meaning; *rest;) {
        size_t size = fitting(rest, HELP_WIDTH - HELP_INDENT);
        printf("%*s%.*s\n", HELP_INDENT - used, "", (int)size, rest);
        used = 0;
        rest += size;
        rest += strspn(rest, " ");
    }
}

void print_version(void)
{
    printf("%s " VCACHE_VERSION "\n", program_invocation_short_name);
}

int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    complain("cannot write to stdout: %s", strerror(errno));
    return EXIT_FAILURE;
}
