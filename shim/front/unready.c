/* Unready descriptors: see unready.h. */
#include "front/unready.h"

#include <stddef.h>

enum { PLACES = 64 };

atomic_uint unready_count;

static struct place {
    atomic_int state;
    struct descriptor descriptor;
    struct unready unready;
} places[PLACES];

enum { FREE, BEING_WRITTEN, TAKEN };

static struct place *place_of(const struct descriptor *descriptor)
{
    for (struct place *place = places; place < places + PLACES; place++)
        if (atomic_load(&place->state) == TAKEN &&
            wake_is_same_file(&place->descriptor, descriptor))
            return place;
    return NULL;
}

void unready_begin(const struct descriptor *descriptor, const struct unready *unready)
{
    if (place_of(descriptor))
        return;
    for (struct place *place = places; place < places + PLACES; place++) {
        int state = FREE;
        if (!atomic_compare_exchange_strong(&place->state, &state, BEING_WRITTEN))
            continue;
        place->descriptor = *descriptor;
        place->unready = *unready;
        atomic_store(&place->state, TAKEN);
        atomic_fetch_add(&unready_count, 1);
        return;
    }
}

void unready_end(const struct descriptor *descriptor)
{
    if (atomic_load(&unready_count) == 0)
        return;
    struct place *place = place_of(descriptor);
    int state = TAKEN;
    if (place && atomic_compare_exchange_strong(&place->state, &state, FREE))
        atomic_fetch_sub(&unready_count, 1);
}

bool unready_find(int fd, struct unready *unready)
{
    struct descriptor now;
    const struct place *place = NULL;
    if (atomic_load(&unready_count) > 0 && fd >= 0 && wake_identify(fd, &now))
        place = place_of(&now);
    if (place)
        *unready = place->unready;
    return place;
}
