/*
 * Prints a table of the manual pages as mdoc: `manual-tables settings` from settings.def,
 * `manual-tables verdicts` from verdicts.def. Runs at build time.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
    const char *variable;
    const char *standard;
    const char *meaning;
};

static const struct setting settings[] = {
#define SETTING(id, variable, standard, meaning) {variable, standard, meaning},
#include "base/settings.def"
#undef SETTING
};

struct verdict {
    const char *group;
    const char *name;
    const char *meaning;
};

static const struct verdict verdicts[] = {
#define VERDICT(id, group, name, meaning) {#group, name, meaning},
#include "cache/verdicts.def"
#undef VERDICT
};

/* Text that roff prints as it stands: a hyphen stays ASCII, nothing is a request or an escape. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '~')
            fputs("\\(ti", stdout);
        else if (*text == '\'')
            fputs("\\(aq", stdout);
        else
            putchar(*text);
    }
}

/* A line of running text: a first character that roff would take for a request is guarded. */
static void print_line(const char *text)
{
    fputs("\\&", stdout);
    print_text(text);
    putchar('\n');
}

static void print_settings(void)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        const char *name = settings[i].variable + strlen("VCACHE_");
        printf(".It Ev %s", settings[i].variable);
        if (strcmp(name, "DISABLE") == 0) {
            fputs(" , Fl \\-off", stdout);
        } else {
            fputs(" , Fl \\-", stdout);
            for (; *name; name++)
                fputs(*name == '_' ? "\\-" : (char[]){(char)tolower((unsigned char)*name), 0},
                      stdout);
            fputs(" Ar value", stdout);
        }
        putchar('\n');
        print_line(settings[i].meaning);
        if (*settings[i].standard) {
            fputs(".br\nDefault: ", stdout);
            print_text(settings[i].standard);
            putchar('\n');
        }
    }
}

static void print_group(const char *group, const char *title)
{
    printf(".Ss %s\n.Bl -tag -width session-withdrawn -compact\n", title);
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (strcmp(verdicts[i].group, group) != 0)
            continue;
        fputs(".It Cm ", stdout);
        print_text(verdicts[i].name);
        putchar('\n');
        print_line(verdicts[i].meaning);
    }
    puts(".El");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "settings") == 0) {
        print_settings();
    } else if (argc == 2 && strcmp(argv[1], "verdicts") == 0) {
        print_group("HIT", "Hits: answered without the origin");
        print_group("MISS", "Misses: would have been answered, went to the origin");
        print_group("BYPASS", "Bypasses: never answered from the cache");
        print_group("KEPT", "Kept: what became of the response");
        print_group("EVENT", "Events");
        print_group("CONNECTION", "Connections: what became of those that may be put off");
    } else {
        fputs("usage: manual-tables settings|verdicts\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
