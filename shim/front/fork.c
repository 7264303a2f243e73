/*
 * Around fork: the child keeps copies of the answers that wait, and knows of no thread but its own.
 * (vfork and posix_spawn call none of this, and no hook allocates on the way to exec.)
 */
#include "front/wake.h"

#include <pthread.h>

static void in_child(void)
{
    wake_after_fork();
    sleepers_forget();
}

__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(wake_before_fork, wake_after_fork, in_child);
}
