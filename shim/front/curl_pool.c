/* The pool: see curl_pool.h. */
#include "front/curl_pool.h"
#include "front/curl_trust.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 32 };

struct kept {
    struct curl_kind kind;
    struct curl_origin *origin;
    struct curl_peer peer;
    struct kept *next;
};

static struct kept *pool; /* the newest first; under the lock of the handles */

struct curl_kind curl_kind_of(const struct curl_handle *handle, const char *authority)
{
    const void *share = curl_options_pointer(&handle->options, CURL_OPTION_SHARE);
    const void *owner = handle->multi ? curl_multi_owner(handle->multi) : handle;
    return (struct curl_kind){
        .owner = share ? share : owner,
        .curl = handle->curl,
        .authority = authority,
        .trust = handle->trust,
        .manner = curl_manner_of(handle),
    };
}

static bool is_of_kind(const struct kept *kept, const struct curl_kind *kind)
{
    return kept->kind.owner == kind->owner && kept->kind.curl == kind->curl &&
           kept->kind.manner == kind->manner &&
           strcmp(kept->kind.authority, kind->authority) == 0 &&
           memcmp(&kept->kind.trust, &kind->trust, sizeof(kind->trust)) == 0;
}

static void kept_free(struct kept *kept)
{
    if (!kept)
        return;
    curl_origin_close(kept->origin);
    free((char *)kept->kind.authority);
    free(kept);
}

/* Takes out the one behind the first `ROOM`, under the lock. */
static struct kept *cut_surplus(void)
{
    struct kept **at = &pool;
    for (int i = 0; *at && i < ROOM; i++)
        at = &(*at)->next;
    struct kept *surplus = *at;
    if (surplus)
        *at = surplus->next;
    return surplus;
}

void curl_pool_put(const struct curl_kind *kind, struct curl_origin *origin,
                   const struct curl_peer *peer)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    char *authority = strdup(kind->authority);
    if (!kept || !authority) {
        free(kept);
        free(authority);
        curl_origin_close(origin);
        return;
    }
    *kept = (struct kept){.kind = *kind, .origin = origin, .peer = *peer};
    kept->kind.authority = authority;
    curl_handles_lock();
    kept->next = pool;
    pool = kept;
    struct kept *surplus = cut_surplus();
    curl_handles_unlock();
    kept_free(surplus);
}

struct curl_origin *curl_pool_take(const struct curl_kind *kind, struct curl_peer *peer)
{
    curl_handles_lock();
    struct kept **at = &pool;
    while (*at && !is_of_kind(*at, kind))
        at = &(*at)->next;
    struct kept *found = *at;
    if (found)
        *at = found->next;
    curl_handles_unlock();
    if (!found)
        return NULL;
    struct curl_origin *origin = found->origin;
    *peer = found->peer;
    found->origin = NULL;
    kept_free(found);
    return origin;
}

void curl_pool_close(const void *owner)
{
    struct kept *closing = NULL;
    curl_handles_lock();
    for (struct kept **at = &pool; *at;) {
        struct kept *kept = *at;
        if (kept->kind.owner != owner) {
            at = &kept->next;
            continue;
        }
        *at = kept->next;
        kept->next = closing;
        closing = kept;
    }
    curl_handles_unlock();
    while (closing) {
        struct kept *next = closing->next;
        kept_free(closing);
        closing = next;
    }
}
