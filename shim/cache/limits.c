/* Limits: see limits.h. */
#include "cache/limits.h"

#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LEAST (1 << 20)
#define MAP_SHARE 16 /* of the address space, the part that a map may take */

bool limits_allow_file(uint64_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size);
}

bool limits_allow_map(uint64_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 &&
           (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / MAP_SHARE >= size);
}

uint64_t limits_share(int directory, uint64_t wanted)
{
    struct statfs status;
    uint64_t share = wanted;
    if (fstatfs(directory, &status) == 0 && status.f_blocks > 0) {
        uint64_t quarter = (uint64_t)status.f_blocks * (uint64_t)status.f_bsize / 4;
        share = share < quarter ? share : quarter;
    }
    return share < LEAST ? LEAST : share;
}

uint64_t limits_round_up(uint64_t size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}
