/* Screen: see screen.h. */
#include "screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { STANDARD_WIDTH = 80, LEAST_WIDTH = 40, MOST_WIDTH = 160 };

static const struct {
    const char *block;
    const char *plain;
    const char *colour;
    const char *name;
} looks[BAR_PARTS] = {
    [BAR_HITS] = {"█", "#", "\033[32m", "hits"},
    [BAR_MISSES] = {"▒", "+", "\033[33m", "misses"},
    [BAR_BYPASSES] = {"░", "-", "\033[2m", "bypasses"},
};

static unsigned width_of_stdout(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return STANDARD_WIDTH;
    if (size.ws_col < LEAST_WIDTH)
        return LEAST_WIDTH;
    return size.ws_col > MOST_WIDTH ? MOST_WIDTH : size.ws_col;
}

struct screen screen_look(void)
{
    setlocale(LC_CTYPE, "");
    const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org */
    const char *terminal = getenv("TERM");
    struct screen screen = {0};
    screen.is_terminal = isatty(STDOUT_FILENO);
    screen.has_blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen.has_colour = screen.is_terminal && !(no_colour && *no_colour) &&
                        !(terminal && strcmp(terminal, "dumb") == 0);
    screen.width = width_of_stdout();
    return screen;
}

static void draw(const struct screen *screen, enum bar_part part, unsigned columns)
{
    if (screen->has_colour && columns > 0)
        fputs(looks[part].colour, stdout);
    for (unsigned i = 0; i < columns; i++)
        fputs(screen->has_blocks ? looks[part].block : looks[part].plain, stdout);
    if (screen->has_colour && columns > 0)
        fputs("\033[0m", stdout);
}

void screen_bar(const struct screen *screen, unsigned width, const uint64_t parts[BAR_PARTS],
                uint64_t whole)
{
    unsigned columns[BAR_PARTS];
    unsigned used = 0;
    unsigned largest = 0;
    for (unsigned i = 0; i < BAR_PARTS; i++) {
        double share = whole ? (double)parts[i] / (double)whole : 0;
        columns[i] = (unsigned)(share * width + 0.5);
        if (parts[i] && !columns[i])
            columns[i] = 1;
        used += columns[i];
        if (columns[i] > columns[largest])
            largest = i;
    }
    if (used > width) /* by rounding, and by columns for the smallest */
        columns[largest] -= columns[largest] < used - width ? columns[largest] : used - width;
    for (unsigned i = 0; i < BAR_PARTS; i++)
        draw(screen, (enum bar_part)i, columns[i]);
}

void screen_legend(const struct screen *screen)
{
    for (unsigned i = 0; i < BAR_PARTS; i++) {
        draw(screen, (enum bar_part)i, 1);
        printf(" %s%s", looks[i].name, i + 1 < BAR_PARTS ? "  " : "");
    }
}
