/* Descriptors: see descriptors.h. */
#include "cache/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void descriptors_occupy_standard(struct descriptors_standard *standard)
{
    standard->count = 0;
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (opened > STDERR_FILENO)
            close(opened);
        else if (opened >= 0)
            standard->placeholders[standard->count++] = opened;
    }
}

void descriptors_free_standard(struct descriptors_standard *standard)
{
    while (standard->count > 0)
        close(standard->placeholders[--standard->count]);
}

/* Whether it is not ours, or may be. */
static bool note(struct environment *environment, int fd)
{
    struct stat status;
    if (fd == environment->data_fd || fstat(fd, &status) != 0 ||
        status.st_dev != environment->device)
        return true;
    if (status.st_ino == environment->data_inode) {
        environment->meta_fd = fd;
    } else if (status.st_ino == environment->lock_inode) {
        environment->lock_fd = fd;
        environment->lock_size = status.st_size;
    } else {
        return true;
    }
    return fd > STDERR_FILENO;
}

bool descriptors_find(struct environment *environment)
{
    DIR *list = opendir("/proc/self/fd");
    if (!list)
        return false;
    bool are_usable = environment->data_fd > STDERR_FILENO;
    /* cppcheck-suppress readdirCalled ; nobody else reads from this list */
    for (struct dirent *entry = readdir(list); entry; entry = readdir(list))
        if (entry->d_name[0] != '.')
            are_usable = note(environment, (int)strtol(entry->d_name, NULL, 10)) && are_usable;
    closedir(list);
    /* mdb.c opens the data file without O_CLOEXEC (DESIGN, trap 8). */
    fcntl(environment->data_fd, F_SETFD, FD_CLOEXEC);
    return are_usable && environment->meta_fd >= 0 && environment->lock_fd >= 0;
}
