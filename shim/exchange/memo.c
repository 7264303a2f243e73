/* Memo: see memo.h. */
#include "exchange/memo.h"

#include <pthread.h>
#include <string.h>

/* A request has its choice of WAYS places; the oldest of them makes room. With one place for each,
 * two requests of a program that asks for sixty things would soon drive each other out. */
#define SETS 128
#define WAYS 4

static struct {
    pthread_mutex_t lock;
    struct set {
        struct place {
            struct cache_key raw;
            struct memo memo;
        } places[WAYS];
        unsigned oldest;
    } sets[SETS];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct set *set_of(const struct cache_key *raw)
{
    return &kept.sets[raw->check % SETS];
}

static bool is_same(const struct cache_key *a, const struct cache_key *b)
{
    return a->check == b->check && a->length == b->length &&
           memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

static struct place *find(struct set *set, const struct cache_key *raw)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (set->places[i].memo.operation && is_same(&set->places[i].raw, raw))
            return &set->places[i];
    return NULL;
}

/* In a child of fork the lock may be held by a thread that is not there: then nothing is
 * remembered. */
bool memo_find(const struct cache_key *raw, struct memo *memo)
{
    if (pthread_mutex_trylock(&kept.lock) != 0)
        return false;
    const struct place *place = find(set_of(raw), raw);
    if (place)
        *memo = place->memo;
    pthread_mutex_unlock(&kept.lock);
    return place != NULL;
}

void memo_keep(const struct cache_key *raw, const struct memo *memo)
{
    if (pthread_mutex_trylock(&kept.lock) != 0)
        return;
    struct set *set = set_of(raw);
    if (!find(set, raw))
        set->places[set->oldest++ % WAYS] = (struct place){*raw, *memo};
    pthread_mutex_unlock(&kept.lock);
}
