/* How a program waits until it is connected: see await.h. */
#include "front/await.h"
#include "front/defer_parts.h"

#include <dlfcn.h>
#include <errno.h>

/* Whose connect it is: that of a language whose interpreter is in the process, or C's. */
enum waiter { IN_C, IN_PYTHON, IN_RUBY, IN_PERL, IN_PHP, IN_LUA };

static _Atomic enum waiter waiter;

void await_begin(void)
{
    static const struct {
        const char *symbol;
        enum waiter waiter;
    } interpreters[] = {{"Py_IsInitialized", IN_PYTHON},
                        {"ruby_init", IN_RUBY},
                        {"perl_construct", IN_PERL},
                        {"php_module_startup", IN_PHP},
                        {"lua_newstate", IN_LUA}};
    int saved = errno;
    enum waiter found = IN_C;
    for (size_t i = 0; !found && i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
        if (dlsym(RTLD_DEFAULT, interpreters[i].symbol))
            found = interpreters[i].waiter;
    dlerror();
    atomic_store(&waiter, found);
    errno = saved;
}

/* A time-out that is longer is no turn of a loop. */
enum { TURN_MS = 1000 };

/*
 * CPython's connect polls for events that others do not; Ruby's Socket.tcp polls, and TCPSocket
 * without end, so that Timeout can only end it from another thread; Perl's IO::Socket selects for
 * that socket alone; PHP's streams poll. (Event loops of Python, Ruby and PHP select or use epoll,
 * those of Perl poll, or select what they read from, too; LuaSocket is always a loop.)
 */
static bool is_known(const struct standin_wait *wait)
{
    bool is_limited = wait->limit_ms < STANDIN_ENDLESS;
    if (wait->limit_ms == 0)
        return false;
    switch (atomic_load(&waiter)) {
    case IN_PYTHON:
        return wait->is_pythons;
    case IN_RUBY:
        return wait->is_polled && (is_limited || !sleepers_matter());
    case IN_PERL:
        return !wait->is_polled && wait->is_alone;
    case IN_PHP:
        return wait->is_polled && wait->is_alone;
    case IN_LUA:
        return false;
    case IN_C:
        break;
    }
    return wait->limit_ms > TURN_MS;
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
    if (!is_known(wait))
        make_real(fd);
    if (wait->limit_ms > 0)
        standin_note_wait(fd, wait);
    errno = saved;
}

/* A program in C goes on in its loop, and heeds its time-outs there. */
void await_note_epoll(int fd)
{
    int saved = errno;
    if (atomic_load(&waiter) != IN_C)
        make_real(fd);
    errno = saved;
}

uint64_t await_time_out(int fd)
{
    struct standin_wait wait = standin_wait(fd);
    bool blocks_again =
        atomic_load(&waiter) == IN_PYTHON || atomic_load(&waiter) == IN_RUBY || wait.blocks_again;
    return blocks_again && wait.limit_ms < STANDIN_ENDLESS ? wait.limit_ms : 0;
}
