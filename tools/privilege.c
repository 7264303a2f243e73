/* Privilege: see privilege.h. The rules are those of the kernel's cap_bprm_creds_from_file: a bit
 * that changes nothing for this user (root's own setuid programs for root) is not a gain. */
#include "privilege.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_ignored(const char *path)
{
    struct statvfs file_system;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
           (statvfs(path, &file_system) == 0 && (file_system.f_flag & ST_NOSUID));
}

const char *privilege_gained(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || is_ignored(path))
        return NULL;
    if ((status.st_mode & S_ISUID) && status.st_uid != getuid())
        return "is setuid";
    if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getgid())
        return "is setgid";
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return "has file capabilities";
    return NULL;
}
