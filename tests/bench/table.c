/* The table: see table.h. */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static unsigned over;

static const char *human_time(double ns, char text[32])
{
    const char *unit = ns < 1e3 ? "ns" : ns < 1e6 ? "µs" : "ms";
    double value = ns < 1e3 ? ns : ns < 1e6 ? ns / 1e3 : ns / 1e6;
    snprintf(text, 32, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, unit);
    return text;
}

/* A µ is two bytes and one place. */
static int places_of(const char *text)
{
    int places = 0;
    for (const char *c = text; *c; c++)
        places += ((unsigned char)*c & 0xc0) != 0x80;
    return places;
}

static void print_right(const char *text, int width)
{
    printf("%*s%s", width - places_of(text), "", text);
}

static void print_left(const char *text, int width)
{
    printf("%s%*s", text, width - places_of(text), "");
}

void table_title(const char *title, const char *base, const char *other, const char *figure)
{
    printf("\n%-45s%12s%12s%11s   limit\n", title, base, other, figure);
    fflush(stdout);
}

void table_row(const char *what, double base_ns, double other_ns, const char *figure,
               const char *limit, bool is_within)
{
    char text[32];
    table_tell("%s", "");
    printf("  %-43s", what);
    print_right(human_time(base_ns, text), 12);
    print_right(human_time(other_ns, text), 12);
    print_right(figure, 11);
    fputs("   ", stdout);
    if (*limit) {
        print_left(limit, 13);
        puts(is_within ? "pass" : "OVER");
        over += !is_within;
    } else {
        puts("none");
    }
    fflush(stdout);
}

unsigned table_over(void)
{
    return over;
}

void table_tell(const char *format, ...)
{
    va_list arguments;
    if (!isatty(STDERR_FILENO))
        return;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

bool table_complain(const char *what)
{
    table_tell("%s", "");
    fprintf(stderr, "bench: %s could not be measured\n", what);
    return false;
}
