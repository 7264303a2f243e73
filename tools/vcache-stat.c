/*
 * vcache-stat: what the cache did, and why it did not do more.
 */
#include "message.h"
#include "opened.h"
#include "settings.h"
#include "stat_forms.h"

#include "base/late.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_SETTINGS SETTING_IN(SETTING_DIR)

enum { STANDARD_OPERATIONS = 20 };

enum form { FORM_SUMMARY, FORM_JSON, FORM_COUNTERS };

struct wish {
    enum form form;
    bool has_operations;
    size_t operations; /* at most this many */
    bool is_zero;
};

static const struct option own_options[] = {
    {"operations", optional_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},
    {"print-stats", no_argument, NULL, 'p'},
    {"zero", no_argument, NULL, 'z'},
};

static void help(void)
{
    fputs("Usage: vcache-stat [OPTION]...\n"
          "Show what was answered from the cache, what was not and why, and what that saved.\n"
          "\n",
          stdout);
    help_entry("--operations[=N]", "show the N operations with the most requests (default 20), "
                                   "each with its hits and what they saved");
    help_entry("--json", "print everything as one JSON object");
    help_entry("--print-stats", "print every counter as a line 'name<TAB>value'");
    help_entry("-z, --zero", "set all counters to zero; what is stored stays");
    fputs("\n", stdout);
    settings_help(OWN_SETTINGS);
    fputs("\n", stdout);
    help_entry("--help", "print this");
    help_entry("--version", "print the version");
    fputs("\n"
          "On a terminal the figures come with bars: Unicode blocks in a UTF-8 locale, colours\n"
          "unless NO_COLOR is set.\n",
          stdout);
}

static bool take_operations(struct wish *wish, const char *value)
{
    char *end = NULL;
    wish->has_operations = true;
    if (!value)
        return true;
    errno = 0;
    unsigned long long count = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0 && count > 0) {
        wish->operations = count;
        return true;
    }
    complain("--operations '%s' cannot be read; expected: a number from 1", value);
    return false;
}

static bool take_option(struct wish *wish, int option, const char *value)
{
    switch (option) {
    case 'o':
        return take_operations(wish, value);
    case 'j':
        wish->form = FORM_JSON;
        return true;
    case 'p':
        wish->form = FORM_COUNTERS;
        return true;
    case 'z':
        wish->is_zero = true;
        return true;
    default:
        return option >= SETTING_OPTION && settings_take(option, value);
    }
}

static int zero(struct cache *cache)
{
    if (!cache) {
        puts("no cache yet, nothing to set to zero");
        return EXIT_SUCCESS;
    }
    if (statistics_zero(cache) != CACHE_OK) {
        complain("the counters cannot be written. %s", cache_reason(cache));
        return EXIT_FAILURE;
    }
    puts("counters set to zero");
    return EXIT_SUCCESS;
}

static int print(const struct wish *wish, const struct figures *figures)
{
    struct screen screen = screen_look();
    if (wish->form == FORM_JSON && !print_json(figures)) {
        complain("no memory");
        return EXIT_FAILURE;
    }
    if (wish->form == FORM_COUNTERS)
        print_counters(figures, wish->has_operations);
    else if (wish->form == FORM_SUMMARY && wish->has_operations)
        print_operations(figures, &screen, wish->operations);
    else if (wish->form == FORM_SUMMARY)
        print_summary(figures, &screen);
    return EXIT_SUCCESS;
}

static int show(const struct wish *wish)
{
    static struct figures figures; /* too large for a stack */
    struct config config;
    struct cache *cache;
    int result = EXIT_FAILURE;
    if (late_missing())
        complain("note: %s cannot be loaded: until it is installed, programs run without the cache",
                 late_missing());
    enum cache_status status = opened_cache(&config, &cache);
    if (status != CACHE_OK && status != CACHE_ABSENT)
        return EXIT_FAILURE;
    if (wish->is_zero)
        result = zero(cache);
    else if (figures_gather(&figures, &config, cache))
        result = print(wish, &figures);
    else
        complain("the counters in '%s' cannot be read. %s", config.directory, cache_reason(cache));
    if (cache)
        cache_close(cache);
    return result;
}

int main(int argc, char **argv)
{
    const struct option *options =
        settings_options(own_options, sizeof(own_options) / sizeof(own_options[0]), OWN_SETTINGS);
    struct wish wish = {.operations = STANDARD_OPERATIONS};
    argv[0] = program_invocation_short_name; /* for getopt's messages */
    for (int option; (option = getopt_long(argc, argv, "z", options, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            help();
            return finish(EXIT_SUCCESS);
        }
        if (option == OPTION_VERSION) {
            print_version();
            return finish(EXIT_SUCCESS);
        }
        if (!take_option(&wish, option, optarg))
            return usage_hint();
    }
    if (optind < argc)
        return usage_error("'%s' is not an option", argv[optind]);
    if (wish.is_zero && (wish.form != FORM_SUMMARY || wish.has_operations))
        return usage_error("--zero goes with no other output");
    if (!settings_are_readable(OWN_SETTINGS))
        return EXIT_USAGE;
    return finish(show(&wish));
}
