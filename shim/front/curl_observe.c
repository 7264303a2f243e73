/* Observing: see curl_observe.h. */
#include "front/curl_observe.h"
#include "front/curl_disguise.h"

#include "exchange/exchange.h"

#include <errno.h>
#include <stdio.h>

enum { BODY_LIMIT = 4 << 20 };

static bool no_trust(void *handle, struct trust *trust)
{
    (void)handle, (void)trust;
    return false;
}

static bool no_name(void *handle, char *name, size_t size)
{
    (void)handle, (void)name, (void)size;
    return false;
}

static bool never(void *handle)
{
    (void)handle;
    return false;
}

static const struct exchange_front observing_front = {
    .trust = no_trust,
    .peer_name = no_name,
    .may_wait = never,
    .may_answer = never,
};

/* Of an unknown body nobody knows what it asks: to the exchange that is a write. */
static void append_request(struct buffer *request, const struct curl_handle *handle)
{
    struct span authority = curl_authority_of(curl_handle_url(handle));
    struct span body = curl_options_body(&handle->options);
    char length[64];
    if (body.size > BODY_LIMIT)
        body = (struct span){0};
    snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n\r\n", body.size);
    buffer_append_text(request, "POST /sdk HTTP/1.1\r\nHost: ");
    buffer_append_span(request, authority);
    buffer_append_text(request, length);
    buffer_append_span(request, body);
}

void curl_observe_begin(struct curl_handle *handle)
{
    bool is_lost;
    if (!curl_options_may_write(&handle->options) || !curl_is_vsphere(handle))
        return;
    int saved = errno;
    struct buffer request = {0};
    append_request(&request, handle);
    struct exchange *observer = request.failed ? NULL : exchange_new(&observing_front, handle);
    if (observer)
        exchange_feed_request(observer, request.data, request.size, &is_lost);
    handle->observer = observer;
    buffer_wipe(&request);
    buffer_free(&request);
    errno = saved;
}

void curl_observe_end(struct curl_handle *handle)
{
    exchange_free(handle->observer);
    handle->observer = NULL;
}
