/* Scripts: see script.h. */
#include "script.h"

#include "path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Linux looks at this much of a file's head (BINPRM_BUF_SIZE, since 5.1). */
enum { HEAD_SIZE = 256 };

/* Cuts `text` at the next blank, skipping those in front; *rest is what follows. */
static char *next_word(char *text, char **rest)
{
    text += strspn(text, " \t");
    size_t size = strcspn(text, " \t");
    *rest = text + size + (text[size] ? 1 : 0);
    text[size] = '\0';
    return text;
}

/* The string of "env -S string", or NULL. */
static char *split_string(char *argument)
{
    static const char *const spellings[] = {"-S", "-vS", "--split-string="};
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        if (strncmp(argument, spellings[i], strlen(spellings[i])) == 0)
            return argument + strlen(spellings[i]);
    return NULL;
}

static bool takes_a_word(const char *option)
{
    return strcmp(option, "-u") == 0 || strcmp(option, "--unset") == 0 ||
           strcmp(option, "-C") == 0 || strcmp(option, "--chdir") == 0;
}

/*
 * The command of env(1) in a "#!" line. Without -S the kernel hands env all of `argument` as one
 * word. NULL for what only env itself could read: quotes, variables.
 */
static const char *env_command(char *argument)
{
    char *text = split_string(argument);
    if (!text)
        return *argument == '-' ? NULL : argument;
    if (strpbrk(text, "\"'\\$#"))
        return NULL;
    for (char *word = next_word(text, &text); *word; word = next_word(text, &text)) {
        if (takes_a_word(word))
            next_word(text, &text);
        else if (*word != '-' && !strchr(word, '='))
            return word;
    }
    return NULL;
}

static bool is_env(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    return strcmp(slash ? slash + 1 : interpreter, "env") == 0;
}

static void trim_end(char *text)
{
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        text[--size] = '\0';
}

enum script_kind script_read(int fd, char interpreter[PATH_MAX])
{
    char head[HEAD_SIZE + 1];
    ssize_t size = pread(fd, head, HEAD_SIZE, 0);
    if (size < 2 || head[0] != '#' || head[1] != '!')
        return SCRIPT_NONE;
    head[size] = '\0';
    head[strcspn(head, "\n")] = '\0';
    trim_end(head + 2);
    char *argument;
    const char *name = next_word(head + 2, &argument);
    argument += strspn(argument, " \t");
    if (!is_env(name)) {
        snprintf(interpreter, PATH_MAX, "%s", name);
        return *name ? SCRIPT_KNOWN : SCRIPT_UNKNOWN;
    }
    const char *command = env_command(argument);
    return command && *command && path_find(command, interpreter) ? SCRIPT_KNOWN : SCRIPT_UNKNOWN;
}
