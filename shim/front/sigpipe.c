/* SIGPIPE: see sigpipe.h. */
#include "front/sigpipe.h"

#include <errno.h>
#include <time.h>

void sigpipe_hush(struct sigpipe *sigpipe)
{
    sigset_t pending;
    sigset_t hushed;
    sigemptyset(&hushed);
    sigaddset(&hushed, SIGPIPE);
    int saved = errno;
    sigpipe->was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    errno = saved;
    pthread_sigmask(SIG_BLOCK, &hushed, &sigpipe->mask);
}

void sigpipe_restore(const struct sigpipe *sigpipe)
{
    static const struct timespec at_once;
    sigset_t hushed;
    sigemptyset(&hushed);
    sigaddset(&hushed, SIGPIPE);
    int saved = errno;
    while (!sigpipe->was_pending && sigtimedwait(&hushed, NULL, &at_once) < 0 && errno == EINTR)
        continue;
    errno = saved;
    pthread_sigmask(SIG_SETMASK, &sigpipe->mask, NULL);
}
