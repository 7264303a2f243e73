/* What a peer has shown: see curl_certificates.h. */
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

static bool asks_for_certificates(const struct curl_handle *handle)
{
    return curl_options_number(&handle->options, CURL_OPTION_CERTINFO, 0) != 0;
}

static bool append_shown(struct buffer *to, const struct curl_handle *handle, CURL *easy)
{
    const struct curl *curl = handle->curl;
    struct curl_certinfo *certificates = NULL;
    long verify_result = 0;
    bool has_them = asks_for_certificates(handle);
    if (curl->curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result) ||
        (has_them && (curl->curl_easy_getinfo(easy, CURLINFO_CERTINFO, &certificates) ||
                      !certificates || certificates->num_of_certs <= 0)))
        return false;
    append_number(to, (uint32_t)verify_result);
    append_number(to, has_them);
    if (has_them)
        append_certificates(to, certificates);
    return !to->failed;
}

void curl_certificates_keep(const struct curl_handle *handle, CURL *easy)
{
    const struct context *context = context_get();
    struct store_label label = {.requested_at = clock_milliseconds()};
    struct cache_key key;
    struct buffer body = {0};
    if (!context || !curl_endpoint_of(handle, &label.endpoint) ||
        !key_for(handle, context, &label.endpoint, &key))
        return;
    memcpy(label.operation, operation, sizeof(operation));
    if (append_shown(&body, handle, easy))
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

static void certificates_free(struct curl_certinfo *certificates)
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

static struct curl_certinfo *take_certificates(struct span *from)
{
    uint32_t count;
    bool is_whole = take_number(from, &count) && count <= from->size;
    struct curl_certinfo *taken = is_whole ? calloc(1, sizeof(*taken)) : NULL;
    if (!taken)
        return NULL;
    taken->certinfo = calloc((size_t)count + 1, sizeof(struct curl_slist *));
    is_whole = taken->certinfo != NULL;
    for (uint32_t i = 0; is_whole && i < count; i++) {
        is_whole = take_lines(from, &taken->certinfo[i]);
        taken->num_of_certs++;
    }
    if (is_whole)
        return taken;
    certificates_free(taken);
    return NULL;
}

static struct curl_shown *take_shown(struct span from)
{
    uint32_t verify_result;
    uint32_t has_certificates;
    if (!take_number(&from, &verify_result) || !take_number(&from, &has_certificates))
        return NULL;
    struct curl_shown *shown = calloc(1, sizeof(*shown));
    if (!shown)
        return NULL;
    shown->verify_result = (long)verify_result;
    shown->certificates = has_certificates ? take_certificates(&from) : NULL;
    return shown;
}

void curl_certificates_free(struct curl_shown *shown)
{
    if (shown)
        certificates_free(shown->certificates);
    free(shown);
}

static bool is_fresh(const struct context *context, const struct stored_response *stored)
{
    uint64_t now = clock_milliseconds();
    uint64_t ttl_ms = config_ttl_ms(&context->config, span_of_text(operation));
    return now >= stored->label.requested_at && now - stored->label.requested_at < ttl_ms;
}

static struct curl_shown *find_shown(const struct curl_handle *handle)
{
    const struct context *context = context_get();
    struct curl_shown *shown = NULL;
    struct endpoint endpoint;
    struct cache_key key;
    struct stored_response stored = {0};
    if (!context || !curl_endpoint_of(handle, &endpoint) ||
        !key_for(handle, context, &endpoint, &key) ||
        store_get(context->cache, &key, &stored, NULL) != CACHE_OK)
        return NULL;
    if (is_fresh(context, &stored))
        shown = take_shown(stored.body);
    store_release(&stored);
    return shown;
}

const struct curl_shown *curl_certificates_recall(struct curl_handle *handle)
{
    if (!handle->shown)
        handle->shown = find_shown(handle);
    bool is_enough =
        handle->shown && (handle->shown->certificates || !asks_for_certificates(handle));
    return is_enough ? handle->shown : NULL;
}
