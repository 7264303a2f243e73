/* Room: see room.h. */
#include "base/room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

/* From the top, where they are free unless nearly all are taken. None is opened to try: another
 * thread of the program's could miss it. */
bool room_for_descriptors(unsigned count)
{
    int saved = errno;
    struct rlimit limit;
    unsigned found = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    int fd = limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur : INT_MAX;
    while (found < count && --fd >= 0)
        found += fcntl(fd, F_GETFD) < 0;
    errno = saved;
    return found == count;
}
