/* The gate: see gate.h. */
#include "cache/gate.h"

#include "base/clock.h"
#include "cache/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_FIRST_NS 20000
#define PAUSE_LAST_NS 160000
#define GIVE_WAY_US 1000

void gate_init(struct gate *gate)
{
    pthread_mutex_init(&gate->mutex, NULL);
    atomic_store(&gate->retry_at, 0);
    gate->fd = -1;
    gate->is_held_for_fork = false;
}

static bool lock_mutex(struct gate *gate)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATE_WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return pthread_mutex_clocklock(&gate->mutex, CLOCK_MONOTONIC, &until) == 0;
}

static int lock_file(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Asks again and again, for there is no lock call with a time-out; often enough to find the moment
 * between two transactions of a process that writes one after the other. */
static enum cache_status wait_for_file(struct gate_board *board, int fd)
{
    uint64_t until = clock_microseconds() + GATE_WAIT_MS * UINT64_C(1000);
    for (long pause = PAUSE_FIRST_NS;; pause = pause < PAUSE_LAST_NS ? pause * 2 : pause) {
        if (lock_file(fd, F_WRLCK) == 0)
            return CACHE_OK;
        if (errno != EAGAIN && errno != EACCES)
            return CACHE_UNAVAILABLE;
        if (clock_microseconds() >= until)
            return CACHE_BUSY;
        if (board)
            atomic_store_explicit(&board->waited_at, clock_microseconds(), memory_order_relaxed);
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

/* Who has just left and wants in again lets those in who stand outside: they look for a moment
 * when the gate is open, and would not find one. */
static void give_way(const struct gate *gate, struct gate_board *board)
{
    uint64_t now = clock_microseconds();
    uint64_t waited_at = atomic_load_explicit(&board->waited_at, memory_order_relaxed);
    if (now - gate->left_at < GIVE_WAY_US && now - waited_at < GIVE_WAY_US)
        nanosleep(&(struct timespec){.tv_nsec = 2L * PAUSE_LAST_NS}, NULL);
}

static enum cache_status lock_path(struct gate *gate, const char *path, bool create)
{
    struct gate_board *board = atomic_load(&gate->board);
    if (board)
        give_way(gate, board);
    /* Again when the file was removed between its opening and its locking. */
    for (int tries = 0; tries < 3; tries++) {
        struct stat status;
        int flags = create ? O_RDWR | O_CREAT : O_RDWR;
        int fd = directory_open_file(AT_FDCWD, path, flags, &status);
        if (fd < 0)
            return errno == ENOENT ? CACHE_ABSENT : CACHE_UNAVAILABLE;
        enum cache_status locked = wait_for_file(board, fd);
        if (locked == CACHE_OK && fstat(fd, &status) == 0 && status.st_nlink > 0) {
            gate->fd = fd;
            gate->inode = status.st_ino;
            return CACHE_OK;
        }
        close(fd);
        if (locked != CACHE_OK)
            return locked;
    }
    return CACHE_BUSY;
}

/* All but the signals that a thread raises by its own fault: held back, those would kill it. */
static void hold_signals(sigset_t *before)
{
    sigset_t held;
    sigfillset(&held);
    sigdelset(&held, SIGSEGV);
    sigdelset(&held, SIGBUS);
    sigdelset(&held, SIGFPE);
    sigdelset(&held, SIGILL);
    sigdelset(&held, SIGABRT);
    sigdelset(&held, SIGTRAP);
    sigdelset(&held, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &held, before);
}

static uint64_t passages_of(struct gate *gate)
{
    struct gate_board *board = atomic_load(&gate->board);
    return board ? atomic_load_explicit(&board->passages, memory_order_relaxed) : 0;
}

enum cache_status gate_enter(struct gate *gate, const char *path, bool create)
{
    if (clock_milliseconds() < atomic_load(&gate->retry_at))
        return CACHE_BUSY;
    sigset_t signals;
    int cancel_state;
    hold_signals(&signals);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    enum cache_status status = lock_mutex(gate) ? CACHE_OK : CACHE_BUSY;
    if (status == CACHE_OK) {
        uint64_t passages = passages_of(gate);
        status = lock_path(gate, path, create);
        if (status == CACHE_OK) {
            gate->signals = signals;
            gate->cancel_state = cancel_state;
            return CACHE_OK;
        }
        if (status == CACHE_BUSY && passages == passages_of(gate))
            atomic_store(&gate->retry_at, clock_milliseconds() + GATE_BACK_OFF_MS);
        pthread_mutex_unlock(&gate->mutex);
    }
    pthread_setcancelstate(cancel_state, &cancel_state);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return status;
}

void gate_leave(struct gate *gate)
{
    sigset_t signals = gate->signals;
    int cancel_state = gate->cancel_state;
    struct stat status;
    if (fstat(gate->fd, &status) == 0 && status.st_ino == gate->inode) {
        /* Unlocked by name: a child made without fork handlers may share the open file. */
        lock_file(gate->fd, F_UNLCK);
        close(gate->fd);
    }
    gate->fd = -1;
    gate->left_at = clock_microseconds();
    struct gate_board *board = atomic_load(&gate->board);
    if (board)
        atomic_fetch_add_explicit(&board->passages, 1, memory_order_relaxed);
    pthread_mutex_unlock(&gate->mutex);
    pthread_setcancelstate(cancel_state, &cancel_state);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
}

void gate_before_fork(struct gate *gate)
{
    gate->is_held_for_fork = lock_mutex(gate);
}

void gate_after_fork_in_parent(struct gate *gate)
{
    if (gate->is_held_for_fork)
        pthread_mutex_unlock(&gate->mutex);
}

void gate_after_fork_in_child(struct gate *gate)
{
    gate_init(gate);
}
