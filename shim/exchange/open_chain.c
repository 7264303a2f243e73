/* Open chains: see open_chain.h. */
#include "exchange/open_chain.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct open_chain {
    struct open_chain *next;
    struct chain_owner owner;
    uint64_t requested_at;
    uint64_t used_at;
    unsigned readers; /* that have not come to the end */
    size_t size;
    uint8_t pages[]; /* all but the first */
};

/* The lock is held while a page is copied. */
static struct {
    pthread_mutex_t lock;
    struct open_chain *first;
    size_t count;
    size_t bytes;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    pthread_mutex_lock(&table.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&table.lock);
}

static void guard_fork(void)
{
    pthread_atfork(lock, unlock, unlock);
}

static void drop(struct open_chain **at)
{
    struct open_chain *chain = *at;
    *at = chain->next;
    table.count--;
    table.bytes -= chain->size;
    explicit_bzero(chain->pages, chain->size); /* it may have been sealed in the store */
    free(chain);
}

static void drop_past_grace(uint64_t now)
{
    struct open_chain **at = &table.first;
    while (*at) {
        if (chain_is_past_grace((*at)->used_at, now))
            drop(at);
        else
            at = &(*at)->next;
    }
}

/* The one that nobody reads any more and that was used longest ago. */
static struct open_chain **oldest_unread(void)
{
    struct open_chain **oldest = NULL;
    for (struct open_chain **at = &table.first; *at; at = &(*at)->next)
        if ((*at)->readers == 0 && (!oldest || (*at)->used_at < (*oldest)->used_at))
            oldest = at;
    return oldest;
}

static bool make_room(size_t size)
{
    while (table.count >= CHAINS_COUNT || table.bytes + size > CHAINS_LIMIT) {
        struct open_chain **oldest = oldest_unread();
        if (!oldest)
            return false;
        drop(oldest);
    }
    return true;
}

static struct open_chain *add(const struct chain_owner *owner, struct span later)
{
    if (later.size > CHAIN_LIMIT || !make_room(later.size))
        return NULL;
    struct open_chain *chain = malloc(sizeof(*chain) + later.size);
    if (!chain)
        return NULL;
    *chain = (struct open_chain){.next = table.first, .owner = *owner, .size = later.size};
    memcpy(chain->pages, later.data, later.size);
    table.first = chain;
    table.count++;
    table.bytes += later.size;
    return chain;
}

/* The chain that has a page of that token, and that page; `*is_last`: none follows. Locked. */
static struct open_chain *find(const struct chain_owner *owner, struct span token,
                               struct chain_page *page, bool *is_last)
{
    for (struct open_chain *chain = table.first; chain; chain = chain->next) {
        struct span rest = {chain->pages, chain_owner_is(&chain->owner, owner) ? chain->size : 0};
        while (chain_next(&rest, page)) {
            *is_last = rest.size == 0;
            if (span_equal(page->token, token))
                return chain;
        }
    }
    return NULL;
}

bool open_chain_begin(const struct chain_owner *owner, struct span later, uint64_t requested_at,
                      uint64_t now)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct chain_page page;
    struct span rest = later;
    bool is_last;
    pthread_once(&once, guard_fork);
    if (!chain_next(&rest, &page))
        return false;
    lock();
    drop_past_grace(now);
    /* No other chain has this one's tokens: if they are known, so is all of it. */
    struct open_chain *chain = find(owner, page.token, &page, &is_last);
    if (!chain)
        chain = add(owner, later);
    if (chain) {
        chain->requested_at = requested_at;
        chain->used_at = now;
        chain->readers++;
    }
    unlock();
    return chain != NULL;
}

static void end_reader(struct open_chain *chain)
{
    if (chain->readers > 0)
        chain->readers--;
}

bool open_chain_read(const struct chain_owner *owner, struct span token, uint64_t now,
                     struct buffer *head, struct buffer *body, struct open_page *page)
{
    struct chain_page found;
    bool is_last = false;
    bool is_read = false;
    lock();
    drop_past_grace(now);
    struct open_chain *chain = find(owner, token, &found, &is_last);
    if (chain) {
        chain->used_at = now;
        *page = (struct open_page){chain->requested_at, found.origin_us};
        is_read = buffer_append_span(head, found.head) && buffer_append_span(body, found.body);
    }
    if (is_read && is_last)
        end_reader(chain);
    unlock();
    return is_read;
}

bool open_chain_give_up(const struct chain_owner *owner, struct span token, uint64_t now)
{
    struct chain_page page;
    bool is_last;
    lock();
    drop_past_grace(now);
    struct open_chain *chain = find(owner, token, &page, &is_last);
    if (chain)
        end_reader(chain);
    unlock();
    return chain != NULL;
}
