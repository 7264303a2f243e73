/* Settings as options: see settings.h. */
#include "settings.h"

#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 40, OWN_MAXIMUM = 24 };

#define ABSOLUTE_SIZE ((size_t)2 * PATH_MAX)

_Static_assert(SETTING_COUNT < 32, "setting_set is too narrow");

/* "session-idle" for VCACHE_SESSION_IDLE. */
static void option_name(enum setting setting, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s", setting_infos[setting].variable + strlen("VCACHE_"));
    for (char *at = name; *at; at++)
        *at = (char)(*at == '_' ? '-' : tolower((unsigned char)*at));
}

const struct option *settings_options(const struct option *own, size_t own_count, setting_set set)
{
    static char names[SETTING_COUNT][NAME_SIZE];
    static struct option options[OWN_MAXIMUM + SETTING_COUNT + 3];
    size_t count = own_count < OWN_MAXIMUM ? own_count : OWN_MAXIMUM;
    for (size_t i = 0; i < count; i++)
        options[i] = own[i];
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!(set & SETTING_IN(i)))
            continue;
        option_name((enum setting)i, names[i]);
        options[count++] = (struct option){names[i], required_argument, NULL, SETTING_OPTION + i};
    }
    options[count++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    options[count++] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    options[count] = (struct option){0};
    return options;
}

void settings_help(setting_set set)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &setting_infos[i];
        char name[NAME_SIZE];
        char term[NAME_SIZE + 16];
        char meaning[1024];
        if (!(set & SETTING_IN(i)))
            continue;
        option_name((enum setting)i, name);
        snprintf(term, sizeof(term), "--%s VALUE", name);
        snprintf(meaning, sizeof(meaning), "%s: %s%s%s%s", info->variable, info->meaning,
                 *info->standard ? " (default " : "", info->standard, *info->standard ? ")" : "");
        help_entry(term, meaning);
    }
}

/* A path that the user gave relative to where he stands means that place, wherever the program may
 * go: it is written out. */
static bool make_absolute(enum setting setting, const char *value, char absolute[ABSOLUTE_SIZE])
{
    bool is_path =
        setting == SETTING_DIR || (setting == SETTING_LOG && strcmp(value, "stderr") != 0);
    if (!is_path || !*value || *value == '/') {
        snprintf(absolute, ABSOLUTE_SIZE, "%s", value);
        return true;
    }
    char *here = getcwd(NULL, 0);
    if (!here)
        return false;
    snprintf(absolute, ABSOLUTE_SIZE, "%s%s%s", here, strcmp(here, "/") != 0 ? "/" : "", value);
    free(here);
    return true;
}

bool settings_take(int option, const char *value)
{
    enum setting setting = (enum setting)(option - SETTING_OPTION);
    char name[NAME_SIZE];
    char absolute[ABSOLUTE_SIZE];
    char why[256];
    option_name(setting, name);
    if (!make_absolute(setting, value, absolute)) {
        complain("--%s %s: where that is cannot be told: %s", name, value, strerror(errno));
        return false;
    }
    if (!config_check(setting, absolute, why, sizeof(why))) {
        complain("--%s '%s' cannot be read; expected: %s", name, value, why);
        return false;
    }
    if (setenv(setting_infos[setting].variable, absolute, 1) == 0)
        return true;
    complain("--%s: %s", name, strerror(errno));
    return false;
}

bool settings_are_readable(setting_set set)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *variable = setting_infos[i].variable;
        const char *value = getenv(variable);
        char name[NAME_SIZE];
        char why[256];
        if (!value || !*value || config_check((enum setting)i, value, why, sizeof(why)))
            continue;
        option_name((enum setting)i, name);
        complain("%s is '%s' in the environment and cannot be read; expected: %s", variable, value,
                 why);
        complain("correct it, unset it%s%s", set & SETTING_IN(i) ? ", or give --" : "",
                 set & SETTING_IN(i) ? name : "");
        return false;
    }
    return true;
}
