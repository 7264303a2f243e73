/*
 * vcache COMMAND…: runs a program with the shim preloaded. What the user asked for and cannot be
 * had is said before the program starts; then exec, so that the program has this process's pid,
 * signals, descriptors and exit status.
 */
#include "message.h"
#include "preload.h"
#include "reach.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As env(1) and the shells have it. */
enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

static const struct option own_options[] = {{"off", no_argument, NULL, 'o'}};

static void help(void)
{
    fputs("Usage: vcache [OPTION]... [--] COMMAND [ARGUMENT]...\n"
          "Run COMMAND with repeated vSphere reads answered from a cache, and logins shared.\n"
          "\n"
          "Each option sets the environment variable named after it, which serves as well:\n",
          stdout);
    settings_help(SETTINGS_WITH_VALUE);
    help_entry("--off", "VCACHE_DISABLE=1: run COMMAND as if vcache were not there");
    fputs("\n", stdout);
    help_entry("--help", "print this");
    help_entry("--version", "print the version");
    fputs("\n"
          "Exit status: that of COMMAND; 127 if it cannot be found, 126 if it cannot be run,\n"
          "2 if an option or a variable cannot be understood, in which case nothing is run.\n"
          "vcache-stat shows what was saved; vcache-flush forgets what is stored.\n",
          stdout);
}

/* Off: as without vcache, also where this program was itself started by one that preloads. */
static void leave_out(void)
{
    char shim[PATH_MAX];
    if (preload_find(shim) && !preload_remove(shim))
        complain("note: LD_PRELOAD stays as it is: %s", strerror(errno));
}

/* Preloads where that can be done, and says so where it cannot. The command runs in any case. */
static void preload(const char *command)
{
    char shim[PATH_MAX];
    char why[REACH_WHY_SIZE];
    if (!preload_find(shim)) {
        complain("note: libvcache.so is neither beside this program nor in ../lib/vcache: "
                 "'%s' runs without the cache; install vcache again",
                 command);
        return;
    }
    if (!preload_can_name(shim)) {
        complain("note: LD_PRELOAD cannot name '%s', for the blank, colon or '$' in it: "
                 "'%s' runs without the cache; move vcache to another directory",
                 shim, command);
        return;
    }
    enum reach reach = reach_of(command, shim, why);
    if (reach != REACH_YES)
        complain("note: %s: it runs without the cache", why);
    if (reach != REACH_HARMFUL && !preload_add(shim))
        complain("note: '%s' runs without the cache: %s", command, strerror(errno));
}

/* As the shim opens it. A FIFO that nobody reads yet may have a reader later. */
static void try_log(void)
{
    const char *log = getenv(setting_infos[SETTING_LOG].variable);
    if (!log || !*log || strcmp(log, "stderr") == 0)
        return;
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != ENXIO)
        complain("note: nothing is logged: '%s': %s", log, strerror(errno));
}

static bool is_disabled(void)
{
    const char *value = getenv(setting_infos[SETTING_DISABLE].variable);
    return value && strcmp(value, "1") == 0;
}

static int run(char **command)
{
    execvp(command[0], command);
    int error = errno;
    bool is_there = strchr(command[0], '/') && access(command[0], F_OK) == 0;
    complain("'%s': %s%s", command[0], strerror(error),
             error == ENOENT && is_there ? " (the file is there, its interpreter is not)" : "");
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

int main(int argc, char **argv)
{
    const struct option *options = settings_options(own_options, 1, SETTINGS_WITH_VALUE);
    bool is_off = false;
    argv[0] = program_invocation_short_name; /* for getopt's messages */
    for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        if (option == OPTION_HELP) {
            help();
            return finish(EXIT_SUCCESS);
        }
        if (option == OPTION_VERSION) {
            print_version();
            return finish(EXIT_SUCCESS);
        }
        if (option == 'o')
            is_off = true;
        else if (option < SETTING_OPTION || !settings_take(option, optarg))
            return usage_hint();
    }
    if (optind == argc)
        return usage_error("no command to run");
    if (is_off && setenv(setting_infos[SETTING_DISABLE].variable, "1", 1) != 0) {
        complain("--off: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (is_disabled()) {
        leave_out();
    } else {
        if (!settings_are_readable(SETTINGS_WITH_VALUE))
            return EXIT_USAGE;
        try_log();
        preload(argv[optind]);
    }
    return run(argv + optind);
}
