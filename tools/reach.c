/* Reach: see reach.h. */
#include "reach.h"

#include "elf_facts.h"
#include "path.h"
#include "privilege.h"
#include "script.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel follows at most five interpreters (fs/exec.c, exec_binprm). */
enum { DEPTH_MAXIMUM = 5 };

static bool facts_of(const char *path, struct elf_facts *facts)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_read = elf_facts_read(fd, facts);
    close(fd);
    return is_read;
}

static enum reach judge_elf(const struct elf_facts *facts, const char *shim, const char **why)
{
    struct elf_facts ours;
    struct elf_facts own;
    if (facts_of(shim, &ours) && (facts->class != ours.class || facts->machine != ours.machine ||
                                  facts->byte_order != ours.byte_order)) {
        *why = "is made for another kind of processor than the shim";
        return REACH_HARMFUL;
    }
    if (facts->is_go) {
        *why = "is a Go program, which speaks TLS with code of its own";
        return REACH_NOT;
    }
    if (!facts->loader[0] && !facts->is_shared_object) {
        *why = "is statically linked, so that nothing can be preloaded into it";
        return REACH_NOT;
    }
    /* musl would refuse to start a program over a library made for glibc. */
    if (facts->loader[0] && facts_of("/proc/self/exe", &own) && own.loader[0] &&
        strcmp(facts->loader, own.loader) != 0) {
        *why = "is made for another C library than the shim";
        return REACH_HARMFUL;
    }
    return REACH_YES;
}

/* One file, no scripts. */
static enum reach judge_program(const char *path, const char *shim, const char **why)
{
    struct elf_facts facts;
    const char *gained = privilege_gained(path);
    if (gained) {
        *why = gained;
        return REACH_NOT;
    }
    return facts_of(path, &facts) ? judge_elf(&facts, shim, why) : REACH_YES;
}

static enum script_kind follow(const char *path, char interpreter[PATH_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SCRIPT_NONE; /* a program may be executable and not readable, a script may not */
    enum script_kind kind = script_read(fd, interpreter);
    close(fd);
    return kind;
}

enum reach reach_of(const char *command, const char *shim, char why[REACH_WHY_SIZE])
{
    char first[PATH_MAX];
    char path[PATH_MAX];
    char interpreter[PATH_MAX];
    const char *reason = "";
    if (!path_find(command, first))
        return REACH_YES; /* exec will say why */
    memcpy(path, first, sizeof(path));
    for (int depth = 0;; depth++) {
        enum script_kind kind = follow(path, interpreter);
        if (kind == SCRIPT_NONE)
            break;
        if (kind == SCRIPT_UNKNOWN || depth == DEPTH_MAXIMUM)
            return REACH_YES;
        memcpy(path, interpreter, sizeof(path));
    }
    enum reach reach = judge_program(path, shim, &reason);
    if (strcmp(first, path) == 0)
        snprintf(why, REACH_WHY_SIZE, "'%s' %s", first, reason);
    else
        snprintf(why, REACH_WHY_SIZE, "'%s' is run by '%s', which %s", first, path, reason);
    return reach;
}
