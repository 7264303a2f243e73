/* Recordings: see recording.h. */
#include "exchange/recording.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* The lock is held for a walk along the list and no longer. */
static struct {
    pthread_mutex_t lock;
    struct recording *first; /* the one that was put here last comes first */
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

struct recording *recording_new(const struct chain_owner *owner, uint64_t scope,
                                const struct cache_key *key, const struct store_label *label)
{
    struct recording *recording = calloc(1, sizeof(*recording));
    if (!recording)
        return NULL;
    const ssize_t size = sizeof(recording->number);
    if (getrandom(recording->number, sizeof(recording->number), GRND_NONBLOCK) != size) {
        free(recording);
        return NULL;
    }
    recording->owner = *owner;
    recording->scope = scope;
    recording->key = *key;
    recording->label = *label;
    return recording;
}

struct span recording_token(const struct recording *recording, uint32_t index,
                            char text[RECORDING_TOKEN_SIZE])
{
    int size = index == 0 ? 0
                          : snprintf(text, RECORDING_TOKEN_SIZE,
                                     "vcache-%016" PRIx64 "%016" PRIx64 "-%" PRIu32,
                                     recording->number[0], recording->number[1], index);
    return (struct span){(const uint8_t *)text, (size_t)size};
}

bool recording_add(struct recording *recording, struct span head, struct span body,
                   uint64_t origin_us)
{
    char text[RECORDING_TOKEN_SIZE];
    const struct chain_page page = {
        .token = recording_token(recording, recording->page_count, text),
        .head = head,
        .body = body,
        .origin_us = origin_us,
    };
    if (!chain_append(&recording->chain, &page))
        return false;
    recording->page_count++;
    return true;
}

/* Whether it is past its time, or a parent's: the child's own requests continue none of those. */
static bool is_over(const struct recording *recording, uint64_t now)
{
    return recording->process != getpid() || chain_is_past_grace(recording->used_at, now);
}

static void drop(struct recording **at)
{
    struct recording *recording = *at;
    *at = recording->next;
    recording_free(recording);
}

/* Drops what is over, and behind the newest ones what is too much. */
static void tidy(uint64_t now)
{
    size_t count = 0;
    size_t bytes = 0;
    struct recording **at = &table.first;
    while (*at) {
        size_t size = (*at)->chain.size;
        if (is_over(*at, now) || count >= CHAINS_COUNT || bytes + size > CHAINS_LIMIT) {
            drop(at);
        } else {
            count++;
            bytes += size;
            at = &(*at)->next;
        }
    }
}

bool recording_put(struct recording *recording, struct span token, uint64_t now)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, guard_fork);
    buffer_clear(&recording->token);
    if (!buffer_append_span(&recording->token, token))
        return false;
    recording->used_at = now;
    recording->process = getpid();
    /* One that the origin has given the same token to since is over. */
    recording_free(recording_take(&recording->owner, recording->scope, token, now));
    lock();
    recording->next = table.first;
    table.first = recording;
    tidy(now);
    unlock();
    return true;
}

struct recording *recording_take(const struct chain_owner *owner, uint64_t scope, struct span token,
                                 uint64_t now)
{
    struct recording *found = NULL;
    lock();
    tidy(now);
    for (struct recording **at = &table.first; *at; at = &(*at)->next) {
        if ((*at)->scope == scope && span_equal(buffer_span(&(*at)->token), token) &&
            chain_owner_is(&(*at)->owner, owner)) {
            found = *at;
            *at = found->next;
            found->next = NULL;
            break;
        }
    }
    unlock();
    return found;
}

void recording_free(struct recording *recording)
{
    if (!recording)
        return;
    buffer_wipe(&recording->chain);
    buffer_free(&recording->chain);
    buffer_free(&recording->token);
    free(recording);
}
