/*
 * What curl_easy_getinfo says after a transfer over a link: all that libcurl cannot know there is
 * put right, as it would be over a connection to the origin.
 */
#include "front/curl_certificates.h"
#include "front/curl_disguise.h"
#include "front/curl_front.h"
#include "front/curl_origin.h"
#include "front/curl_witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *url_of(const struct curl_handle *handle)
{
    const char *url = curl_handle_url(handle);
    return url ? url : "";
}

/* Up to the next separator, which is skipped; without brackets. */
static struct span take_part(const char **at, const char *separators)
{
    bool is_bracketed = **at == '[';
    const char *start = *at + is_bracketed;
    size_t size = strcspn(start, is_bracketed ? "]" : separators);
    *at = start + size;
    *at += is_bracketed && **at == ']';
    *at += **at != '\0';
    return (struct span){(const uint8_t *)start, size};
}

static bool is_address(struct span host)
{
    static const char digits[] = "0123456789.";
    bool is_v6 = host.size > 0 && memchr(host.data, ':', host.size);
    return is_v6 || (host.size > 0 && strspn((const char *)host.data, digits) >= host.size);
}

/* Whether an entry "HOST:PORT:…" is for them; `at` is behind that then. */
static bool is_for(const char **at, struct span host, long port, bool may_be_any)
{
    struct span named = take_part(at, ":");
    struct span named_port = take_part(at, ":");
    bool is_any = may_be_any && named.size == 0;
    bool is_any_port = may_be_any && named_port.size == 0;
    return (is_any || span_equal_ignoring_case(named, host)) &&
           (is_any_port || strtol((const char *)named_port.data, NULL, 10) == port);
}

/* Where CURLOPT_CONNECT_TO leads instead ("HOST:PORT:HOST:PORT"). */
static struct span redirected(const struct curl_handle *handle, struct span host, long port)
{
    const struct curl_slist *list = curl_options_pointer(&handle->options, CURL_OPTION_CONNECT_TO);
    for (; list; list = list->next) {
        const char *at = list->data;
        if (!is_for(&at, host, port, true))
            continue;
        struct span instead = take_part(&at, ":");
        return instead.size > 0 ? instead : host;
    }
    return host;
}

/* The address that CURLOPT_RESOLVE names ("[+]HOST:PORT:ADDRESS[,ADDRESS]…"). */
static struct span resolved(const struct curl_handle *handle, struct span host, long port)
{
    const struct curl_slist *list = curl_options_pointer(&handle->options, CURL_OPTION_RESOLVE);
    for (; list; list = list->next) {
        const char *at = list->data + (list->data[0] == '+');
        if (is_for(&at, host, port, false))
            return take_part(&at, ",");
    }
    return host;
}

/* Of an answer that no connection was made for: known if it was named, in the URL or for it. */
static const char *primary_ip(struct curl_handle *handle)
{
    struct curl_peer *peer = &handle->peer;
    const char *url = url_of(handle);
    struct span host = curl_host_of(url);
    if (peer->primary_ip[0] || host.size == 0)
        return peer->primary_ip;
    long port = curl_port_of(url);
    host = resolved(handle, redirected(handle, host, port), port);
    if (is_address(host))
        snprintf(peer->primary_ip, sizeof(peer->primary_ip), "%.*s", (int)host.size,
                 (const char *)host.data);
    return peer->primary_ip;
}

/* Relative to the URL that libcurl was given for the link. */
static char *redirect(struct curl_handle *handle, const char *found)
{
    static const char plain[] = "http://";
    if (!handle->is_redirected_within || !found || strncmp(found, plain, sizeof(plain) - 1) != 0)
        return (char *)found;
    free(handle->redirect);
    handle->redirect = NULL;
    if (asprintf(&handle->redirect, "https://%s", found + sizeof(plain) - 1) < 0)
        handle->redirect = NULL;
    return handle->redirect;
}

/* The handshake belongs to making the connection: it ended when that was ready for use. */
static CURLINFO time_in_place_of(const struct curl_handle *handle, CURLINFO info)
{
    long connects = 0;
    handle->curl->curl_easy_getinfo(handle->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (connects == 0)
        return info;
    if (info == CURLINFO_APPCONNECT_TIME)
        return CURLINFO_PRETRANSFER_TIME;
    return info == CURLINFO_APPCONNECT_TIME_T ? CURLINFO_PRETRANSFER_TIME_T : info;
}

/* Who does not verify the peer may still ask what verifying would have said. */
static bool is_verify_unknown(const struct curl_handle *handle)
{
    return handle->failure == CURLE_OK &&
           curl_options_number(&handle->options, CURL_OPTION_SSL_VERIFYPEER, 1) == 0;
}

static bool is_of_witness(const struct curl_handle *handle, CURLINFO info)
{
    return info == CURLINFO_CERTINFO || info == CURLINFO_TLS_SSL_PTR ||
           info == CURLINFO_TLS_SESSION ||
           (info == CURLINFO_SSL_VERIFYRESULT && is_verify_unknown(handle));
}

/* Whether what a peer has shown before answers it. */
static bool recall(struct curl_handle *handle, CURLINFO info, void *value)
{
    bool was_connected = handle->peer.primary_port != 0;
    const struct curl_shown *shown = was_connected ? NULL : curl_certificates_recall(handle);
    if (!shown)
        return false;
    if (info == CURLINFO_CERTINFO)
        *(struct curl_certinfo **)value = shown->certificates;
    else
        *(long *)value = shown->verify_result;
    return true;
}

static bool ask_witness(struct curl_handle *handle, CURLINFO info, void *value)
{
    bool is_shown = info == CURLINFO_CERTINFO || info == CURLINFO_SSL_VERIFYRESULT;
    if (info == CURLINFO_CERTINFO &&
        curl_options_number(&handle->options, CURL_OPTION_CERTINFO, 0) == 0)
        return false;
    if (is_shown && recall(handle, info, value))
        return true;
    CURL *easy = curl_witness_of(handle);
    if (!easy || handle->curl->curl_easy_getinfo(easy, info, value))
        return false;
    if (is_shown && !curl_certificates_recall(handle))
        curl_certificates_keep(handle, easy);
    return true;
}

static CURLcode get_linked(struct curl_handle *handle, CURLINFO info, void *value)
{
    const struct curl *curl = handle->curl;
    if (curl_at_hand_tell(handle, info, value))
        return CURLE_OK;
    if (is_of_witness(handle, info) && ask_witness(handle, info, value))
        return CURLE_OK;
    CURLcode code = curl->curl_easy_getinfo(handle->easy, time_in_place_of(handle, info), value);
    if (code != CURLE_OK)
        return code;
    curl_at_hand_bound(handle, info, value);
    switch (info) {
    case CURLINFO_EFFECTIVE_URL:
        *(const char **)value = handle->effective ? handle->effective : url_of(handle);
        break;
    case CURLINFO_REQUEST_SIZE:
        *(long *)value += (long)handle->request_added;
        break;
    case CURLINFO_REDIRECT_URL:
        *(char **)value = redirect(handle, *(const char **)value);
        break;
    case CURLINFO_SCHEME:
        *(const char **)value = "HTTPS";
        break;
    case CURLINFO_PROTOCOL:
        *(long *)value = CURLPROTO_HTTPS;
        break;
    case CURLINFO_PRIMARY_IP:
        *(const char **)value = primary_ip(handle);
        break;
    case CURLINFO_LOCAL_IP:
        *(const char **)value = handle->peer.local_ip;
        break;
    case CURLINFO_PRIMARY_PORT:
        *(long *)value =
            handle->peer.primary_port ? handle->peer.primary_port : curl_port_of(url_of(handle));
        break;
    case CURLINFO_LOCAL_PORT:
        *(long *)value = handle->peer.local_port;
        break;
    case CURLINFO_SSL_VERIFYRESULT:
        *(long *)value = handle->peer.verify_result;
        break;
    case CURLINFO_HTTP_CONNECTCODE:
        *(long *)value = handle->peer.connect_code;
        break;
    case CURLINFO_OS_ERRNO:
        *(long *)value = handle->peer.os_errno;
        break;
    default:
        break;
    }
    return code;
}

/* And not of the handle. */
static bool is_of_transfer(CURLINFO info)
{
    return info != CURLINFO_PRIVATE && info != CURLINFO_COOKIELIST &&
           info != CURLINFO_EFFECTIVE_URL && info != CURLINFO_EFFECTIVE_METHOD;
}

CURLcode curl_get(struct curl_route route, CURL *easy, CURLINFO info, void *value)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    if (handle && handle->is_linked && value)
        return handle->unreached && is_of_transfer(info)
                   ? route.curl->curl_easy_getinfo(curl_origin_easy(handle->unreached), info, value)
                   : get_linked(handle, info, value);
    return route.curl->curl_easy_getinfo(easy, info, value);
}

CURLHcode curl_find_header(struct curl_route route, CURL *easy,
                           const struct curl_wanted_header *wanted, struct curl_header **found)
{
    struct curl_at_hand *told = curl_at_hand_told(route.passes ? NULL : curl_handle_find(easy));
    if (told)
        return curl_at_hand_header(told, wanted, found);
    return route.curl->curl_easy_header(easy, wanted->name, wanted->index, wanted->origin,
                                        wanted->request, found);
}

struct curl_header *curl_next_header(struct curl_route route, CURL *easy,
                                     const struct curl_wanted_header *wanted,
                                     struct curl_header *last)
{
    struct curl_at_hand *told = curl_at_hand_told(route.passes ? NULL : curl_handle_find(easy));
    if (told)
        return curl_at_hand_next_header(told, wanted, last);
    return route.curl->curl_easy_nextheader(easy, wanted->origin, wanted->request, last);
}
