/*
 * Answers that wait, in a table of fixed size: see wake.h.
 *
 * A place is claimed by its `is_taken`, then filled, then shown by `connection`; it is hidden again
 * before it is given back. A reader that meets a place in between sees nothing, or reports a
 * descriptor readable that was so a moment before, as the kernel may too.
 */
#include "front/wake.h"
#include "front/connection.h"
#include "front/unready.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

enum {
    PLACES = 256,
    REPORTS = 4,
    /* In yields of the processor. */
    LOCK_PATIENCE = 1 << 20,
    FORK_PATIENCE = 1 << 14 /* an exchange may wait for another process for seconds */
};

struct wake {
    _Alignas(64) atomic_bool is_taken;
    atomic_bool is_locked;
    bool is_held_by_fork;
    _Atomic(struct connection *) connection; /* NULL: nothing is here */
    atomic_bool has_answer;
    atomic_int fd;
    _Atomic dev_t device;
    _Atomic ino_t inode;
    /* The epoll instances that have reported this arrival, plus one; 0: none. With more of them
     * some report it again, which an edge-triggered program must bear anyway. */
    atomic_int reported[REPORTS];
};

static struct wake places[PLACES];
static atomic_uint places_used; /* places from here on were never taken */
atomic_uint wake_count;
atomic_uint wake_answers;

bool wake_identify(int fd, struct descriptor *descriptor)
{
    struct stat file;
    int saved = errno;
    bool is_socket = fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode);
    if (is_socket)
        *descriptor = (struct descriptor){fd, file.st_dev, file.st_ino};
    errno = saved;
    return is_socket;
}

bool wake_is_still(const struct descriptor *descriptor)
{
    struct descriptor now;
    return wake_identify(descriptor->fd, &now) && wake_is_same_file(&now, descriptor);
}

/* ---- places ---- */

static void raise_used(unsigned used)
{
    unsigned seen = atomic_load(&places_used);
    while (seen < used && !atomic_compare_exchange_weak(&places_used, &seen, used))
        continue;
}

static struct wake *take_place(void)
{
    for (unsigned i = 0; i < PLACES; i++) {
        bool was_taken = false;
        if (!atomic_load_explicit(&places[i].is_taken, memory_order_relaxed) &&
            atomic_compare_exchange_strong(&places[i].is_taken, &was_taken, true)) {
            raise_used(i + 1);
            return &places[i];
        }
    }
    return NULL;
}

struct wake *wake_announce(const struct descriptor *descriptor, struct connection *connection)
{
    struct wake *wake = take_place();
    if (!wake)
        return NULL;
    atomic_store_explicit(&wake->fd, descriptor->fd, memory_order_relaxed);
    atomic_store_explicit(&wake->device, descriptor->device, memory_order_relaxed);
    atomic_store_explicit(&wake->inode, descriptor->inode, memory_order_relaxed);
    wake_lock(wake);
    atomic_store(&wake->connection, connection);
    atomic_fetch_add(&wake_count, 1);
    return wake;
}

void wake_show(struct wake *wake, bool has_answer)
{
    if (has_answer)
        wake_again(wake);
    if (atomic_exchange(&wake->has_answer, has_answer) == has_answer)
        return;
    if (has_answer)
        atomic_fetch_add(&wake_answers, 1);
    else
        atomic_fetch_sub(&wake_answers, 1);
}

void wake_withdraw(struct wake *wake)
{
    wake_show(wake, false);
    atomic_fetch_sub(&wake_count, 1);
    atomic_store(&wake->connection, NULL);
    wake_unlock(wake);
    atomic_store(&wake->is_taken, false);
}

/* ---- finding them ---- */

static struct wake *find(dev_t device, ino_t inode, bool has_answer)
{
    unsigned used = atomic_load_explicit(&places_used, memory_order_acquire);
    for (unsigned i = 0; i < used; i++) {
        struct wake *wake = &places[i];
        if (atomic_load(&wake->connection) && atomic_load(&wake->has_answer) == has_answer &&
            atomic_load_explicit(&wake->inode, memory_order_relaxed) == inode &&
            atomic_load_explicit(&wake->device, memory_order_relaxed) == device)
            return wake;
    }
    return NULL;
}

struct wake *wake_of(int fd)
{
    struct descriptor file;
    return wake_identify(fd, &file) ? wake_of_inode(file.device, file.inode) : NULL;
}

struct wake *wake_of_inode(dev_t device, ino_t inode)
{
    return find(device, inode, true);
}

/* ---- edges ---- */

void wake_again(struct wake *wake)
{
    for (unsigned i = 0; i < REPORTS; i++)
        atomic_store_explicit(&wake->reported[i], 0, memory_order_relaxed);
}

bool wake_may_report(const struct wake *wake, int epoll)
{
    for (unsigned i = 0; i < REPORTS; i++)
        if (atomic_load(&wake->reported[i]) == epoll + 1)
            return false;
    return true;
}

bool wake_claim_report(struct wake *wake, int epoll)
{
    for (unsigned i = 0; i < REPORTS; i++) {
        int reporter = 0;
        if (atomic_compare_exchange_strong(&wake->reported[i], &reporter, epoll + 1))
            return true;
        if (reporter == epoll + 1)
            return false;
    }
    return true;
}

/* ---- locks ---- */

static bool try_lock(struct wake *wake)
{
    return !atomic_exchange_explicit(&wake->is_locked, true, memory_order_acquire);
}

static bool lock_within(struct wake *wake, unsigned yields)
{
    while (!try_lock(wake)) {
        if (yields-- == 0)
            return false;
        sched_yield();
    }
    return true;
}

void wake_lock(struct wake *wake)
{
    lock_within(wake, LOCK_PATIENCE);
}

void wake_unlock(struct wake *wake)
{
    atomic_store_explicit(&wake->is_locked, false, memory_order_release);
}

bool wake_is_noise(int fd)
{
    struct descriptor file;
    struct wake *wake = wake_identify(fd, &file) ? find(file.device, file.inode, false) : NULL;
    struct unready unready;
    if (!wake || unready_find(fd, &unready) || !try_lock(wake))
        return false;
    struct connection *connection = atomic_load(&wake->connection);
    bool is_noise = connection && connection_is_silent(connection);
    wake_unlock(wake);
    return is_noise;
}

/* ---- fork ---- */

void wake_before_fork(void)
{
    unsigned used = atomic_load(&places_used);
    for (unsigned i = 0; i < used; i++) {
        struct wake *wake = &places[i];
        /* One that stays busy is left alone: the child has no business with it either. */
        if (!atomic_load(&wake->connection) || !lock_within(wake, FORK_PATIENCE))
            continue;
        wake->is_held_by_fork = true;
        struct connection *connection = atomic_load(&wake->connection);
        if (connection)
            exchange_detach(connection->exchange);
    }
}

void wake_after_fork(void)
{
    unsigned used = atomic_load(&places_used);
    for (unsigned i = 0; i < used; i++) {
        if (!places[i].is_held_by_fork)
            continue;
        places[i].is_held_by_fork = false;
        wake_unlock(&places[i]);
    }
}
