/* Chains: see chain.h. */
#include "exchange/chain.h"

#include <string.h>

/* What a page begins with. */
struct frame {
    uint64_t token_size;
    uint64_t head_size;
    uint64_t body_size;
    uint64_t origin_us;
};

bool chain_owner_is(const struct chain_owner *owner, const struct chain_owner *other)
{
    return memcmp(&owner->principal, &other->principal, sizeof(owner->principal)) == 0 &&
           memcmp(&owner->trust, &other->trust, sizeof(owner->trust)) == 0 &&
           strcmp(owner->endpoint.name, other->endpoint.name) == 0;
}

/* What another thread has used since `now` was asked for is not. */
bool chain_is_past_grace(uint64_t used_at, uint64_t now)
{
    return now > used_at && now - used_at > CHAIN_GRACE_MS;
}

bool chain_append(struct buffer *chain, const struct chain_page *page)
{
    const struct frame frame = {page->token.size, page->head.size, page->body.size,
                                page->origin_us};
    return buffer_append(chain, &frame, sizeof(frame)) && buffer_append_span(chain, page->token) &&
           buffer_append_span(chain, page->head) && buffer_append_span(chain, page->body);
}

static bool take(struct span *rest, uint64_t size, struct span *part)
{
    if (size > rest->size)
        return false;
    *part = (struct span){rest->data, (size_t)size};
    rest->data += size;
    rest->size -= (size_t)size;
    return true;
}

bool chain_next(struct span *rest, struct chain_page *page)
{
    struct frame frame;
    struct span bytes;
    struct span behind = *rest;
    if (!take(&behind, sizeof(frame), &bytes))
        return false;
    memcpy(&frame, bytes.data, sizeof(frame));
    if (!take(&behind, frame.token_size, &page->token) ||
        !take(&behind, frame.head_size, &page->head) ||
        !take(&behind, frame.body_size, &page->body))
        return false;
    page->origin_us = frame.origin_us;
    *rest = behind;
    return true;
}

bool chain_is_sound(struct span chain, uint32_t count)
{
    struct chain_page page;
    for (uint32_t i = 0; i < count; i++)
        if (!chain_next(&chain, &page) || (i == 0) != (page.token.size == 0) ||
            page.head.size == 0 || page.body.size == 0)
            return false;
    return count > 1 && chain.size == 0;
}
