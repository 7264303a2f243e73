/* How a program waits until it is connected: see await.h. */
#include "front/await.h"
#include "front/caller.h"
#include "front/defer_parts.h"

#include <dlfcn.h>
#include <errno.h>

/* A time-out that is longer is no turn of a loop. */
enum { TURN_MS = 1000 };

/* Whether an interpreter is in the process whose way of waiting is known: see is_time_out. */
static atomic_bool is_interpreted;

void await_begin(void)
{
    static const char *const interpreters[] = {"Py_IsInitialized", "ruby_init", "perl_construct",
                                               "php_module_startup"};
    int saved = errno;
    bool is_one = false;
    for (size_t i = 0; !is_one && i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
        is_one = dlsym(RTLD_DEFAULT, interpreters[i]);
    dlerror();
    atomic_store(&is_interpreted, is_one);
    errno = saved;
}

/* Whether nothing but this wait can say what it is for. */
static bool may_be_turn(const struct standin_wait *wait)
{
    return wait->limit_ms <= TURN_MS && !atomic_load(&is_interpreted);
}

/* If the connection cannot even be begun, the program is told of it later. */
static void make_real(int fd)
{
    static const struct endpoint unknown;
    struct dial_peer peer;
    if (!standin_is_awaited(fd) || !standin_peer(fd, &peer))
        return;
    defer_report(&unknown, VERDICT_CONNECT_AWAITED);
    if (standin_replace(fd, 0, false) == STANDIN_FAILED)
        standin_make_again(fd, &peer);
}

void await_note(int fd, const struct standin_wait *wait)
{
    int saved = errno;
    if (may_be_turn(wait))
        make_real(fd);
    if (wait->limit_ms > 0)
        standin_note_wait(fd, wait);
    errno = saved;
}

/*
 * It is a time-out where the language's own connect waits, and so but once: Python's after
 * settimeout, Ruby's Socket.tcp by poll (its programs' loops select), Perl's IO::Socket and PHP's
 * streams, which have the socket block then. Elsewhere it is one if it is not short and the program
 * then had the socket block.
 */
static bool is_time_out(const struct standin_wait *wait, enum caller_language language)
{
    switch (language) {
    case CALLER_PYTHON:
        return wait->is_pythons;
    case CALLER_RUBY:
        return wait->is_polled;
    case CALLER_PERL:
    case CALLER_PHP:
        return wait->blocks_again;
    case CALLER_OTHER:
        break;
    }
    return wait->limit_ms > TURN_MS && wait->blocks_again;
}

uint64_t await_time_out(int fd, const void *caller)
{
    struct standin_wait wait = standin_wait(fd);
    bool is_limited = wait.limit_ms > 0 && wait.limit_ms < STANDIN_ENDLESS;
    return is_limited && is_time_out(&wait, caller_language(caller)) ? wait.limit_ms : 0;
}
