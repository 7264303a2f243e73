/* Preloaded: calls that return at once, see nowhere.h. All others are the kernel's. */
#include "nowhere.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return count == 1 && fds->fd == NOWHERE ? 0 : (int)syscall(SYS_poll, fds, count, timeout);
}

EXPORT ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    return fd == NOWHERE ? 0 : syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}

EXPORT ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    return fd == NOWHERE ? 0 : syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
}

EXPORT ssize_t read(int fd, void *bytes, size_t size)
{
    return fd == NOWHERE ? 0 : syscall(SYS_read, fd, bytes, size);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    return fd == NOWHERE ? 0 : syscall(SYS_write, fd, bytes, size);
}
