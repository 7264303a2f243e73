/* The cache's directory: see directory.h. */
#include "cache/directory.h"

#include "base/room.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The cache's own, those of a link of libcurl's and of what it leads to, and some for the program:
 * not even for a moment is one taken that the program may need. */
enum { DESCRIPTORS = 24 };

/* Not in every <linux/magic.h>. */
#define CIFS_MAGIC 0xFF534D42
#define SMB2_MAGIC 0xFE534D42
#define LUSTRE_MAGIC 0x0BD00BD0
#define GPFS_MAGIC 0x47504653
#define GFS2_MAGIC 0x01161970
#define VMHGFS_MAGIC 0xBACBACBC

/*
 * Where mapped files and record locks may not be shared by all who use them: LMDB forbids network
 * file systems (lmdb.h, Caveats). FUSE is refused whole: sshfs, virtiofs and s3fs cannot be told
 * from its local kind, and a cache is not worth the guess.
 */
static bool is_remote(int fd)
{
    static const uint32_t remote[] = {
        NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  CIFS_MAGIC,      SMB2_MAGIC,
        V9FS_MAGIC,       FUSE_SUPER_MAGIC, AFS_SUPER_MAGIC, AFS_FS_MAGIC,
        CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC, NCP_SUPER_MAGIC, OCFS2_SUPER_MAGIC,
        LUSTRE_MAGIC,     GPFS_MAGIC,       GFS2_MAGIC,      VMHGFS_MAGIC,
    };
    struct statfs status;
    if (fstatfs(fd, &status) != 0)
        return true;
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
        if ((uint32_t)status.f_type == remote[i])
            return true;
    return false;
}

/* mkdir -p, as far as it gets: what could not be made shows when the directory is opened. */
static void make_all(const char *path)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof(part))
        return;
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) == 0)
            chmod(part, 0700); /* a umask may have taken from it */
    }
}

/* A descriptor below 3 would be the program's stdin, stdout or stderr as soon as it looks. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return moved;
}

static int open_directory(const char *path)
{
    return above_standard(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static const char *open_failure(int error)
{
    switch (error) {
    case ELOOP:
    case ENOTDIR:
        return "The cache's directory is a symbolic link, or not a directory.";
    case EACCES:
    case EPERM:
        return "The cache's directory may not be opened.";
    case EROFS:
        return "The cache's directory would be on a read-only file system.";
    case EMFILE:
    case ENFILE:
        return "No file descriptor is left for the cache.";
    case ENOENT:
        return "The cache's directory does not exist.";
    default:
        return "The cache's directory cannot be opened.";
    }
}

/* NULL when the open directory may be used. */
static const char *objection(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid())
        return "The cache's directory belongs to somebody else.";
    if ((status.st_mode & 077) || (status.st_mode & 0700) != 0700) {
        if (fchmod(fd, 0700) != 0 || fstat(fd, &status) != 0 || (status.st_mode & 0777) != 0700)
            return "The cache's directory is open to other users, and that cannot be changed.";
    }
    if (is_remote(fd))
        return "The cache's directory is on a network file system or FUSE, where mapped files "
               "and locks are not shared reliably.";
    return NULL;
}

enum cache_status directory_open(const char *path, bool create, int *fd, const char **reason)
{
    *fd = -1;
    if (!room_for_descriptors(DESCRIPTORS)) {
        *reason = "The program has hardly a file descriptor left.";
        return CACHE_UNAVAILABLE;
    }
    *fd = open_directory(path);
    if (*fd < 0 && errno == ENOENT && create) {
        make_all(path);
        *fd = open_directory(path);
    }
    if (*fd < 0) {
        *reason = open_failure(errno);
        return errno == ENOENT ? CACHE_ABSENT : CACHE_UNAVAILABLE;
    }
    *reason = objection(*fd);
    if (!*reason)
        return CACHE_OK;
    close(*fd);
    *fd = -1;
    return CACHE_UNAVAILABLE;
}

static bool is_ours(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == geteuid();
}

int directory_open_file(int directory, const char *name, int flags, struct stat *status)
{
    flags |= O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = above_standard(openat(directory, name, flags, 0600));
    if (fd < 0)
        return -1;
    /* The mode is put right after the fact too: a umask may have taken from it. */
    if (fstat(fd, status) == 0 && is_ours(status) &&
        ((status->st_mode & 0777) == 0600 || fchmod(fd, 0600) == 0))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

int directory_examine_file(int directory, const char *name, struct stat *status)
{
    if (fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (!is_ours(status))
        return EPERM;
    if ((status->st_mode & 0777) != 0600 && fchmodat(directory, name, 0600, 0) != 0)
        return EPERM;
    return 0;
}
