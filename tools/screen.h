/*
 * Screen: what stdout can show, and bars drawn on it.
 */
#ifndef VCACHE_TOOLS_SCREEN_H
#define VCACHE_TOOLS_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

struct screen {
    bool is_terminal; /* no pictures otherwise */
    bool has_blocks;  /* the locale is UTF-8 */
    bool has_colour;
    unsigned width; /* in columns */
};

/* Sets the locale's character type, and looks at stdout. */
struct screen screen_look(void);

/* The parts of a bar, in the order of drawing. */
enum bar_part { BAR_HITS, BAR_MISSES, BAR_BYPASSES, BAR_PARTS };

/*
 * A bar of at most `width` columns, as long as the parts' sum is of `whole`: hits, misses and
 * bypasses side by side. A part that is not zero has a column at least, as far as there are any.
 */
void screen_bar(const struct screen *screen, unsigned width, const uint64_t parts[BAR_PARTS],
                uint64_t whole);

/* What the parts look like: "█ hits ▒ misses ░ bypasses". */
void screen_legend(const struct screen *screen);

#endif
