/* Fork: see fork.h. */
#include "cache/fork.h"

#include "cache/collapse.h"
#include "cache/environment.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum mark { MARK_CHILD /* what the kernel leaves in a child */, MARK_SETTLING, MARK_SETTLED };

static struct {
    pthread_once_t once;
    pthread_mutex_t mutex; /* of the list */
    struct cache *caches;
    atomic_int *mark; /* in a page of its own */
    pid_t pid;        /* 0: the kernel wipes the page, and nobody needs to ask */
    bool is_watching;
} watch = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER};

static void settle(void)
{
    pthread_mutex_init(&watch.mutex, NULL);
    for (struct cache *cache = watch.caches; cache; cache = cache->next) {
        gate_after_fork_in_child(&cache->gate);
        claim_disown_all(cache);
        environment_disown_all(cache);
    }
    if (watch.pid != 0)
        watch.pid = getpid();
    atomic_store(watch.mark, MARK_SETTLED);
}

/* Holds the list until after the fork, so two threads that fork at once do it in turn. */
static void before_fork(void)
{
    pthread_mutex_lock(&watch.mutex);
    for (struct cache *cache = watch.caches; cache; cache = cache->next)
        gate_before_fork(&cache->gate);
}

static void after_fork_in_parent(void)
{
    for (struct cache *cache = watch.caches; cache; cache = cache->next)
        gate_after_fork_in_parent(&cache->gate);
    pthread_mutex_unlock(&watch.mutex);
}

static void start(void)
{
    void *page =
        mmap(NULL, sizeof(atomic_int), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    /* Fails before Linux 4.14: then the process id is asked at every look. */
    bool is_wiped = madvise(page, sizeof(atomic_int), MADV_WIPEONFORK) == 0;
    watch.mark = page;
    atomic_store(watch.mark, MARK_SETTLED);
    watch.pid = is_wiped ? 0 : getpid();
    watch.is_watching = pthread_atfork(before_fork, after_fork_in_parent, settle) == 0;
}

bool fork_enlist(struct cache *cache)
{
    pthread_once(&watch.once, start);
    if (!watch.is_watching)
        return false;
    pthread_mutex_lock(&watch.mutex);
    cache->next = watch.caches;
    watch.caches = cache;
    pthread_mutex_unlock(&watch.mutex);
    return true;
}

void fork_delist(struct cache *cache)
{
    pthread_mutex_lock(&watch.mutex);
    for (struct cache **at = &watch.caches; *at; at = &(*at)->next) {
        if (*at == cache) {
            *at = cache->next;
            break;
        }
    }
    pthread_mutex_unlock(&watch.mutex);
}

static bool settle_unasked(void)
{
    int child = MARK_CHILD;
    if (!atomic_compare_exchange_strong(watch.mark, &child, MARK_SETTLING))
        return child == MARK_SETTLED;
    settle();
    return true;
}

bool fork_settle(void)
{
    if (watch.pid != 0 && watch.pid != getpid())
        atomic_store(watch.mark, MARK_CHILD);
    return atomic_load_explicit(watch.mark, memory_order_acquire) == MARK_SETTLED ||
           settle_unasked();
}
