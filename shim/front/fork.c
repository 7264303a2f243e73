/*
 * Around fork: the child keeps copies of the answers that wait, and knows of no thread but its own.
 * (vfork and posix_spawn call none of this, and no hook allocates on the way to exec.)
 */
#include "front/curl_at_hand.h"
#include "front/resolved.h"
#include "front/standin.h"
#include "front/wake.h"

#include <pthread.h>

static void before(void)
{
    wake_before_fork();
    curl_at_hand_before_fork();
    curl_handles_lock();
    standin_before_fork();
}

static void after(bool is_child)
{
    standin_after_fork(is_child);
    curl_handles_unlock();
    wake_after_fork();
}

static void in_parent(void)
{
    after(false);
}

static void in_child(void)
{
    after(true);
    sleepers_forget();
    resolved_forget_unfinished();
}

__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(before, in_parent, in_child);
}
