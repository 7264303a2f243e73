/* Log: see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STDERR_WAIT_MS 1000

static struct {
    char path[PATH_MAX];
    bool is_stderr;
    bool is_open;
    enum log_level level;
} target;

void log_open(const struct config *config)
{
    memcpy(target.path, config->log, sizeof(target.path));
    target.is_stderr = strcmp(config->log, "stderr") == 0;
    target.level = config->log_level;
    target.is_open = config->log[0] != '\0';
}

bool log_wants(enum log_level level)
{
    return target.is_open && level <= target.level;
}

/* Whether the pipe or terminal that is stderr takes a line now, or within a bound that is waited
 * for only once in a row: nobody may ever read what it holds. */
static bool takes_a_line(int fd)
{
    static atomic_bool is_stuck;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    bool is_ready = poll(&ready, 1, atomic_load(&is_stuck) ? 0 : STDERR_WAIT_MS) != 0;
    atomic_store(&is_stuck, !is_ready);
    return is_ready;
}

/* That nobody reads a pipe any more, and that a file may not grow, the kernel tells by signals that
 * would end the program (write(2), setrlimit(2)): not for a line of ours. */
static void write_unsignalled(int fd, const char *line, size_t size)
{
    sigset_t signals, before, pending;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    sigpending(&pending);
    if (write(fd, line, size) < 0 && (errno == EPIPE || errno == EFBIG)) {
        int number = errno == EPIPE ? SIGPIPE : SIGXFSZ;
        sigdelset(&signals, number == SIGPIPE ? SIGXFSZ : SIGPIPE);
        /* One that was pending before is the program's own. */
        if (!sigismember(&pending, number))
            sigtimedwait(&signals, NULL, &(struct timespec){0});
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A full disk loses a line, and so does a FIFO that nobody reads, not the program. */
static void write_line(const char *line, size_t size)
{
    if (target.is_stderr) {
        if (takes_a_line(STDERR_FILENO))
            write_unsignalled(STDERR_FILENO, line, size);
        return;
    }
    int fd =
        open(target.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return;
    write_unsignalled(fd, line, size);
    close(fd);
}

static size_t stamp(char *line, size_t size)
{
    struct timespec now = {0};
    struct tm utc = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    int more =
        snprintf(line + used, size - used, ".%03ldZ %d ", now.tv_nsec / 1000000, (int)getpid());
    return used + (more > 0 ? (size_t)more : 0);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_wants(level))
        return;
    int saved = errno;
    char line[1024];
    size_t used = stamp(line, sizeof(line));
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    if (more > 0)
        used += (size_t)more < sizeof(line) - used - 1 ? (size_t)more : sizeof(line) - used - 2;
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    line[used] = '\n';
    write_line(line, used + 1);
    errno = saved;
}
