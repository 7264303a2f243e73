/* Easy handles: see curl_handle.h. */
#include "front/curl_handle.h"
#include "front/curl_at_hand.h"
#include "front/curl_certificates.h"
#include "front/curl_disguise.h"
#include "front/curl_link.h"
#include "front/curl_origin.h"
#include "front/curl_pool.h"
#include "front/curl_witness.h"

#include "exchange/exchange.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUCKETS = 512, ALIGNMENT_BITS = 6 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct curl_handle *buckets[BUCKETS];
static uint64_t last_serial;

void curl_handles_lock(void)
{
    pthread_mutex_lock(&lock);
}

void curl_handles_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static struct curl_handle **bucket_of(const CURL *easy)
{
    uintptr_t address = (uintptr_t)easy;
    return &buckets[((address >> ALIGNMENT_BITS) ^ (address >> (2 * ALIGNMENT_BITS))) % BUCKETS];
}

struct curl_handle *curl_handle_find(const CURL *easy)
{
    curl_handles_lock();
    struct curl_handle *handle = *bucket_of(easy);
    while (handle && handle->easy != easy)
        handle = handle->next;
    curl_handles_unlock();
    return handle;
}

struct curl_handle *curl_handle_make(const struct curl *curl, CURL *easy)
{
    struct curl_handle *handle = curl_handle_find(easy);
    if (handle || !easy)
        return handle;
    handle = calloc(1, sizeof(*handle));
    if (!handle)
        return NULL;
    handle->easy = easy;
    handle->curl = curl;
    curl_options_begin(&handle->options);
    curl_handles_lock();
    struct curl_handle **bucket = bucket_of(easy);
    handle->serial = ++last_serial;
    handle->next = *bucket;
    *bucket = handle;
    curl_handles_unlock();
    return handle;
}

const char *curl_handle_url(const struct curl_handle *handle)
{
    return handle->worded ? handle->worded : curl_options_text(&handle->options, CURL_OPTION_URL);
}

void curl_handle_word_url(struct curl_handle *handle)
{
    const char *url = curl_options_text(&handle->options, CURL_OPTION_URL);
    const char *protocol = curl_options_text(&handle->options, CURL_OPTION_DEFAULT_PROTOCOL);
    free(handle->worded);
    handle->worded = NULL;
    if (url && protocol && strcasecmp(protocol, "https") == 0 && !strstr(url, "://") &&
        asprintf(&handle->worded, "https://%s", url) < 0)
        handle->worded = NULL;
    url = curl_handle_url(handle);
    handle->names_vsphere = url && curl_names_vsphere(url);
}

void curl_handle_free(struct curl_handle *handle)
{
    curl_handles_lock();
    struct curl_handle **at = bucket_of(handle->easy);
    while (*at && *at != handle)
        at = &(*at)->next;
    if (*at)
        *at = handle->next;
    curl_handles_unlock();
    /* Its links close with their connections, which libcurl may keep for longer. */
    curl_links_leave(handle);
    if (handle->own)
        handle->curl->curl_multi_cleanup(handle->own);
    curl_witness_dismiss(handle);
    curl_pool_close(handle);
    exchange_free(handle->observer);
    curl_at_hand_free(handle);
    curl_options_free(&handle->options);
    buffer_wipe(&handle->trusted);
    buffer_free(&handle->trusted);
    curl_origin_close(handle->unreached);
    free(handle->worded);
    free(handle->effective);
    curl_certificates_free(handle->shown);
    free(handle->redirect);
    free(handle);
}
