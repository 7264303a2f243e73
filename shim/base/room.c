/* Room: see room.h. */
#include "base/room.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Tried, not reckoned: which are open already, and how many the system has left, nobody tells. */
bool room_for_descriptors(int fd, unsigned count)
{
    int saved = errno;
    int taken[ROOM_MOST];
    unsigned found = 0;
    while (found < count && found < ROOM_MOST &&
           (taken[found] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        found++;
    for (unsigned i = 0; i < found; i++)
        close(taken[i]);
    errno = saved;
    return found == count;
}
