/* Certificates: see curl_certificates.h. */
#include "front/curl_certificates.h"
#include "front/curl_disguise.h"

#include "base/clock.h"
#include "cache/store.h"
#include "exchange/context.h"

#include <stdlib.h>
#include <string.h>

static const char operation[] = "certificates";

static bool key_for(const struct curl_handle *handle, const struct context *context,
                    const struct endpoint *endpoint, struct cache_key *key)
{
    const struct cache_secret *secret = cache_secret(context->cache);
    struct buffer canonical = {0};
    buffer_append_sized(&canonical, span_of_text(operation));
    buffer_append_sized(&canonical, span_of_text(endpoint->name));
    buffer_append_sized(&canonical,
                        (struct span){handle->trust.digest, sizeof(handle->trust.digest)});
    bool is_made = secret && !canonical.failed;
    if (is_made)
        *key = key_of(secret, buffer_span(&canonical));
    buffer_free(&canonical);
    return is_made;
}

/* ---- kept ---- */

static void append_number(struct buffer *to, uint32_t number)
{
    buffer_append(to, &number, sizeof(number));
}

static uint32_t count_lines(const struct curl_slist *lines)
{
    uint32_t count = 0;
    for (; lines; lines = lines->next)
        count++;
    return count;
}

static void append_certificates(struct buffer *to, const struct curl_certinfo *certificates)
{
    append_number(to, (uint32_t)certificates->num_of_certs);
    for (int i = 0; i < certificates->num_of_certs; i++) {
        append_number(to, count_lines(certificates->certinfo[i]));
        for (const struct curl_slist *line = certificates->certinfo[i]; line; line = line->next) {
            append_number(to, (uint32_t)strlen(line->data));
            buffer_append_text(to, line->data);
        }
    }
}

void curl_certificates_keep(const struct curl_handle *handle, CURL *easy)
{
    const struct context *context = context_get();
    struct curl_certinfo *certificates = NULL;
    struct store_label label = {.requested_at = clock_milliseconds()};
    struct cache_key key;
    struct buffer body = {0};
    if (!context || !curl_endpoint_of(handle, &label.endpoint) ||
        handle->curl->curl_easy_getinfo(easy, CURLINFO_CERTINFO, &certificates) || !certificates ||
        certificates->num_of_certs <= 0 || !key_for(handle, context, &label.endpoint, &key))
        return;
    memcpy(label.operation, operation, sizeof(operation));
    append_certificates(&body, certificates);
    if (!body.failed)
        store_put(context->cache, &key, &label, (struct span){0}, buffer_span(&body));
    buffer_free(&body);
}

/* ---- recalled ---- */

static bool take_number(struct span *from, uint32_t *number)
{
    if (from->size < sizeof(*number))
        return false;
    memcpy(number, from->data, sizeof(*number));
    from->data += sizeof(*number);
    from->size -= sizeof(*number);
    return true;
}

static bool take_line(struct span *from, struct curl_slist **end)
{
    uint32_t size;
    struct curl_slist *line =
        take_number(from, &size) && size <= from->size ? calloc(1, sizeof(*line) + size + 1) : NULL;
    if (!line)
        return false;
    line->data = memcpy(line + 1, from->data, size);
    from->data += size;
    from->size -= size;
    *end = line;
    return true;
}

static bool take_lines(struct span *from, struct curl_slist **lines)
{
    uint32_t count;
    bool is_whole = take_number(from, &count);
    for (uint32_t i = 0; is_whole && i < count; i++) {
        is_whole = take_line(from, lines);
        if (is_whole)
            lines = &(*lines)->next;
    }
    return is_whole;
}

static struct curl_certinfo *take_certificates(struct span from)
{
    uint32_t count;
    bool is_whole = take_number(&from, &count) && count <= from.size;
    struct curl_certinfo *taken = is_whole ? calloc(1, sizeof(*taken)) : NULL;
    if (!taken)
        return NULL;
    taken->certinfo = calloc((size_t)count + 1, sizeof(struct curl_slist *));
    is_whole = taken->certinfo != NULL;
    for (uint32_t i = 0; is_whole && i < count; i++) {
        is_whole = take_lines(&from, &taken->certinfo[i]);
        taken->num_of_certs++;
    }
    if (is_whole)
        return taken;
    curl_certificates_free(taken);
    return NULL;
}

void curl_certificates_free(struct curl_certinfo *certificates)
{
    if (!certificates)
        return;
    for (int i = 0; i < certificates->num_of_certs; i++) {
        struct curl_slist *next;
        for (struct curl_slist *line = certificates->certinfo[i]; line; line = next) {
            next = line->next;
            free(line);
        }
    }
    free(certificates->certinfo);
    free(certificates);
}

static bool is_fresh(const struct context *context, const struct stored_response *stored)
{
    uint64_t now = clock_milliseconds();
    uint64_t ttl_ms = config_ttl_ms(&context->config, span_of_text(operation));
    return now >= stored->label.requested_at && now - stored->label.requested_at < ttl_ms;
}

struct curl_certinfo *curl_certificates_recall(struct curl_handle *handle)
{
    const struct context *context = context_get();
    struct endpoint endpoint;
    struct cache_key key;
    struct stored_response stored = {0};
    if (handle->certificates)
        return handle->certificates;
    if (!context || !curl_endpoint_of(handle, &endpoint) ||
        !key_for(handle, context, &endpoint, &key) ||
        store_get(context->cache, &key, &stored, NULL) != CACHE_OK)
        return NULL;
    if (is_fresh(context, &stored))
        handle->certificates = take_certificates(stored.body);
    store_release(&stored);
    return handle->certificates;
}
