/*
 * Settings as options: each setting of settings.def that a tool takes is one of its long options,
 * VCACHE_LOG_LEVEL is --log-level. An option stands above the environment, by being put into it.
 */
#ifndef VCACHE_TOOLS_SETTINGS_H
#define VCACHE_TOOLS_SETTINGS_H

#include "base/config.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/* What a tool takes: a set of 1u << SETTING_…. */
typedef unsigned setting_set;

#define SETTING_IN(setting) (1u << (setting))

/* Every setting but the switch VCACHE_DISABLE, which has no value and is --off. */
#define SETTINGS_WITH_VALUE (SETTING_IN(SETTING_COUNT) - 1u - SETTING_IN(SETTING_DISABLE))

/* getopt_long returns this + the setting. */
#define SETTING_OPTION 1000

/* Options that every tool has, and the values getopt_long returns for them. */
#define OPTION_HELP 900
#define OPTION_VERSION 901

/*
 * The options for getopt_long: `own` (own_count of them), the settings in `set`, --help, --version.
 * Static memory, one array for the process.
 */
const struct option *settings_options(const struct option *own, size_t own_count, setting_set set);

/* The entries of --help for `set`. */
void settings_help(setting_set set);

/*
 * Takes what getopt_long returned for a setting's option: checks the value, makes a path absolute,
 * puts it into the environment. Complains and returns false when it cannot be understood.
 */
bool settings_take(int option, const char *value);

/* Whether every VCACHE_ variable in the environment can be read; complains of the first that
 * cannot, and says the way out. `set`: which settings the tool has options for. */
bool settings_are_readable(setting_set set);

#endif
