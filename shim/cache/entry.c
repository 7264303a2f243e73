/* Entries: see entry.h. */
#include "cache/entry.h"

#include <string.h>

#define ENTRY_MAGIC 0x72656376 /* "vcer" */
#define PREFIX_LIMIT                                                                               \
    (1024 * 1024) /* of all before the body: a size that is read is not trusted                    \
                   */

struct head {
    uint64_t prefix_check; /* of what follows, up to the body */
    uint32_t magic;
    uint32_t prefix_size;
    uint64_t body_size;
    uint64_t body_check;
    uint64_t key_check;
    uint64_t key_length;
    uint64_t requested_at;
    uint64_t generation;
    uint64_t origin_us;
    struct principal principal;
    uint32_t head_size;
    uint16_t endpoint_size;
    uint16_t operation_size;
    uint16_t object_count;
    uint8_t is_object_list_cut;
    uint8_t is_sealed;
    uint32_t page_count;
};

static size_t objects_size(const struct head *head)
{
    return head->object_count * sizeof(uint64_t);
}

static size_t prefix_size(const struct head *head)
{
    return sizeof(*head) + head->endpoint_size + head->operation_size + objects_size(head) +
           head->head_size;
}

bool entry_write_prefix(struct buffer *prefix, const struct cache_key *key,
                        const struct store_label *label, struct span head, struct span body)
{
    if (head.size > PREFIX_LIMIT / 2)
        return false;
    uint32_t objects = label->object_count;
    struct head fixed = {
        .magic = ENTRY_MAGIC,
        .body_size = body.size,
        .body_check = key_checksum(body.data, body.size),
        .key_check = key->check,
        .key_length = key->length,
        .requested_at = label->requested_at,
        .generation = label->generation,
        .origin_us = label->origin_us,
        .principal = label->principal,
        .head_size = (uint32_t)head.size,
        .endpoint_size = (uint16_t)strnlen(label->endpoint.name, ENDPOINT_SIZE - 1),
        .operation_size = (uint16_t)strnlen(label->operation, sizeof(label->operation) - 1),
        .object_count = (uint16_t)(objects < STORE_OBJECTS ? objects : STORE_OBJECTS),
        .is_object_list_cut = label->is_object_list_cut || objects > STORE_OBJECTS,
        .is_sealed = label->is_sealed,
        .page_count = label->page_count,
    };
    fixed.prefix_size = (uint32_t)prefix_size(&fixed);
    size_t start = prefix->size;
    buffer_append(prefix, &fixed, sizeof(fixed));
    buffer_append(prefix, label->endpoint.name, fixed.endpoint_size);
    buffer_append(prefix, label->operation, fixed.operation_size);
    buffer_append(prefix, label->objects, objects_size(&fixed));
    buffer_append_span(prefix, head);
    if (prefix->failed)
        return false;
    uint8_t *bytes = prefix->data + start;
    fixed.prefix_check =
        key_checksum(bytes + sizeof(uint64_t), fixed.prefix_size - sizeof(uint64_t));
    memcpy(bytes, &fixed.prefix_check, sizeof(fixed.prefix_check));
    return true;
}

/* Copied out, for values lie at even addresses only (lmdb.h). */
static bool read_head(struct span value, struct head *head)
{
    if (value.size < sizeof(*head))
        return false;
    memcpy(head, value.data, sizeof(*head));
    return head->magic == ENTRY_MAGIC && head->prefix_size <= PREFIX_LIMIT &&
           head->prefix_size == prefix_size(head) && head->prefix_size <= value.size &&
           head->body_size == value.size - head->prefix_size &&
           head->endpoint_size < ENDPOINT_SIZE &&
           head->operation_size < sizeof(((struct store_label *)0)->operation) &&
           head->object_count <= STORE_OBJECTS &&
           head->prefix_check ==
               key_checksum(value.data + sizeof(uint64_t), head->prefix_size - sizeof(uint64_t));
}

bool entry_read(struct span value, struct entry *entry, struct stored_response *response)
{
    struct head head;
    if (!read_head(value, &head))
        return false;
    struct store_label *label = &response->label;
    const uint8_t *at = value.data + sizeof(head);
    memcpy(label->endpoint.name, at, head.endpoint_size);
    label->endpoint.name[head.endpoint_size] = '\0';
    at += head.endpoint_size;
    memcpy(label->operation, at, head.operation_size);
    label->operation[head.operation_size] = '\0';
    at += head.operation_size;
    memcpy(label->objects, at, objects_size(&head));
    at += objects_size(&head);
    label->principal = head.principal;
    label->requested_at = head.requested_at;
    label->generation = head.generation;
    label->origin_us = head.origin_us;
    label->object_count = head.object_count;
    label->is_object_list_cut = head.is_object_list_cut;
    label->is_sealed = head.is_sealed;
    label->page_count = head.page_count;
    response->head = (struct span){at, head.head_size};
    response->body = (struct span){at + head.head_size, (size_t)head.body_size};
    *entry = (struct entry){head.key_check, head.key_length, head.body_check, head.prefix_check};
    return true;
}

bool entry_read_time(struct span value, uint64_t *requested_at)
{
    struct head head;
    if (!read_head(value, &head))
        return false;
    *requested_at = head.requested_at;
    return true;
}

bool entry_body_is_sound(const struct entry *entry, struct span body)
{
    return key_checksum(body.data, body.size) == entry->body_check;
}
