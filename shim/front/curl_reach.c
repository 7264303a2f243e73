/* Links, the bytes to the origin and from it: see curl_link.h. */
#include "front/curl_disguise.h"
#include "front/curl_link_parts.h"
#include "front/curl_pool.h"
#include "front/sigpipe.h"

#include <stdio.h>
#include <string.h>

/* ---- ends, of what the origin sends ---- */

static void give_up_origin(struct curl_link *link)
{
    curl_origin_close(link->origin);
    link->origin = NULL;
}

/* Nothing more will come. If the exchange has an answer all the same, or wants to go on over
 * another connection, that is what happens; after it libcurl is to see the end, too. */
static void end_origin(struct curl_link *link, bool is_clean)
{
    struct exchange *exchange = link->exchange;
    give_up_origin(link);
    if (exchange)
        exchange_feed_end(exchange, is_clean);
    if (exchange && exchange_is_due(exchange))
        return;
    if (exchange)
        exchange_sent(exchange, exchange_held(exchange).size);
    link->is_sending = false;
    link->is_ending = true;
}

static void copy_text(char *to, size_t size, const struct curl *curl, CURL *easy, CURLINFO info)
{
    const char *text = NULL;
    if (!curl->curl_easy_getinfo(easy, info, &text) && text)
        snprintf(to, size, "%s", text);
}

static void remember_peer(struct curl_link *link)
{
    struct curl_peer *peer = &link->peer;
    const struct curl *curl = link->curl;
    CURL *easy = curl_origin_easy(link->origin);
    copy_text(peer->primary_ip, sizeof(peer->primary_ip), curl, easy, CURLINFO_PRIMARY_IP);
    copy_text(peer->local_ip, sizeof(peer->local_ip), curl, easy, CURLINFO_LOCAL_IP);
    curl->curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &peer->primary_port);
    curl->curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &peer->local_port);
    curl->curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &peer->verify_result);
    curl->curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &peer->connect_code);
    curl->curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &peer->os_errno);
    if (link->handle)
        link->handle->peer = *peer;
}

/* What the origin's side failed with is what the program is to hear of it. */
static void fail(struct curl_link *link, CURLcode code, const char *text)
{
    struct curl_handle *handle = link->handle;
    char kept[CURL_ERROR_SIZE];
    snprintf(kept, sizeof(kept), "%s", text);
    /* What the program asks about it then, the handle that tried to connect knows. */
    bool is_unreached = link->origin && !curl_origin_was_ready(link->origin);
    struct curl_origin *unreached = is_unreached ? link->origin : NULL;
    long os_errno = 0;
    if (link->origin)
        link->curl->curl_easy_getinfo(curl_origin_easy(link->origin), CURLINFO_OS_ERRNO, &os_errno);
    if (is_unreached)
        link->origin = NULL;
    end_origin(link, false);
    if (!handle || !link->is_ending) {
        curl_origin_close(unreached);
        return;
    }
    handle->failure = code;
    handle->peer.os_errno = os_errno;
    memcpy(handle->failure_text, kept, sizeof(kept));
    curl_origin_close(handle->unreached);
    handle->unreached = unreached;
}

/* ---- to the origin ---- */

static struct span to_be_sent(const struct curl_link *link)
{
    if (!link->exchange)
        return (struct span){link->out.bytes.data + link->out.at,
                             link->out.bytes.size - link->out.at};
    if (link->is_sending || exchange_is_due(link->exchange))
        return exchange_held(link->exchange);
    return (struct span){0};
}

/* A connection that idled may have been closed by the origin, or have something to say that nobody
 * asked for: it is of no use then. */
static bool is_fit(struct curl_origin *origin)
{
    char byte;
    size_t received;
    return curl_origin_receive(origin, &byte, 1, &received) == CURLE_AGAIN;
}

/* One that was in use before, or a new one. */
static struct curl_origin *find_origin(struct curl_link *link)
{
    if (!link->handle)
        return NULL;
    struct curl_kind kind = curl_kind_of(link->handle, link->authority);
    struct curl_origin *origin = NULL;
    bool wants_new = curl_options_number(&link->handle->options, CURL_OPTION_FRESH_CONNECT, 0) != 0;
    while (!wants_new && (origin = curl_pool_take(&kind, &link->peer)) != NULL && !is_fit(origin))
        curl_origin_close(origin);
    if (origin) {
        link->handle->peer = link->peer;
        return origin;
    }
    CURL *easy = curl_disguise_for_origin(link->handle);
    link->peer = (struct curl_peer){0};
    return easy ? curl_origin_open(link->curl, easy) : NULL;
}

/* True when the origin is there to be sent to. */
static bool reach(struct curl_link *link)
{
    if (link->exchange && exchange_needs_connection(link->exchange)) {
        give_up_origin(link);
        exchange_reconnected(link->exchange);
    }
    if (link->is_first && link->origin && !is_fit(link->origin))
        give_up_origin(link);
    link->is_first = false;
    if (!link->origin)
        link->origin = find_origin(link);
    if (!link->origin) {
        fail(link, CURLE_OUT_OF_MEMORY, "");
        return false;
    }
    switch (curl_origin_step(link->origin)) {
    case CURL_ORIGIN_WAITS:
        return false;
    case CURL_ORIGIN_FAILED:
        fail(link, curl_origin_code(link->origin), curl_origin_error(link->origin));
        return false;
    case CURL_ORIGIN_READY:
        break;
    }
    if (!link->peer.primary_port)
        remember_peer(link);
    return true;
}

static void note_sent(struct curl_link *link, size_t size)
{
    if (!link->exchange) {
        link->out.at += size;
        return;
    }
    exchange_sent(link->exchange, size);
    link->is_sending = to_be_sent(link).size > 0;
}

bool link_send(struct curl_link *link)
{
    size_t sent;
    if (to_be_sent(link).size == 0)
        return false;
    if (!reach(link))
        return !link->origin; /* that it failed is something to go on with */
    struct span bytes = to_be_sent(link);
    struct sigpipe sigpipe;
    sigpipe_hush(&sigpipe);
    CURLcode code = curl_origin_send(link->origin, bytes.data, bytes.size, &sent);
    sigpipe_restore(&sigpipe);
    if (code == CURLE_OK)
        note_sent(link, sent);
    else if (code != CURLE_AGAIN)
        fail(link, code, curl_origin_error(link->origin));
    return code != CURLE_AGAIN;
}

bool link_receive(struct curl_link *link)
{
    uint8_t bytes[LINK_PIECE];
    size_t received;
    if (!link->origin || curl_origin_state(link->origin) != CURL_ORIGIN_READY)
        return false;
    CURLcode code = curl_origin_receive(link->origin, bytes, sizeof(bytes), &received);
    if (code == CURLE_AGAIN)
        return false;
    if (code != CURLE_OK) {
        fail(link, code, curl_origin_error(link->origin));
    } else if (received == 0) {
        end_origin(link, true);
    } else {
        size_t shown =
            link->exchange ? exchange_feed_response(link->exchange, bytes, received) : received;
        link_show(link, bytes, shown);
        explicit_bzero(bytes, received);
    }
    return true;
}
