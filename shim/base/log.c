/* Log: see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void write_line(const char *line, size_t size)
{
    int fd = target.is_stderr
                 ? STDERR_FILENO
                 : open(target.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return;
    ssize_t written = write(fd, line, size);
    (void)written; /* a full disk loses a line, not the program */
    if (!target.is_stderr)
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
