/* Links: see curl_link.h. */
#include "front/curl_link.h"
#include "front/curl_cookies.h"
#include "front/curl_disguise.h"
#include "front/curl_origin.h"
#include "front/curl_pool.h"
#include "front/sigpipe.h"

#include "exchange/context.h"
#include "exchange/exchange.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 16 << 10, HEAD_LIMIT = 64 << 10 };

/* Bytes on their way: from `at` on they are still to go. */
struct queue {
    struct buffer bytes;
    size_t at;
};

/* A message's head, collected until it is whole. */
struct head {
    struct buffer bytes;
    bool is_awaited;
};

struct curl_link {
    struct curl_handle *handle; /* NULL: it is freed, and libcurl still keeps the connection */
    const struct curl *curl;
    int theirs; /* libcurl's end: only to know it again */
    int ours;   /* listens until libcurl has connected its end to it: */
    bool listens;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* where; "": nowhere */
    char *authority; /* of the URL that it was opened for */
    dev_t device;    /* of our end: a program that closes all descriptors may have reused it */
    ino_t inode;
    struct exchange *exchange; /* NULL: what comes is passed on as it is */
    bool may_wait;
    struct head request;
    struct head response;
    size_t body_left; /* of the request that is coming in, as far as its head says */
    struct queue out; /* to the origin, when there is no exchange */
    struct queue in;  /* to libcurl */
    bool is_sending;  /* the exchange's held bytes are on their way to the origin */
    bool is_first;    /* none of them has gone yet: an idle connection is looked at first */
    bool has_ended;   /* after `in` there is no more for libcurl, */
    bool is_shut;     /* and it can see that */
    struct curl_origin *origin;
    struct curl_peer peer;  /* the origin's, once it was reached */
    struct curl_link *next; /* of all */
    struct curl_link *next_of_handle;
};

static struct curl_link *links; /* under the lock of the handles */

/* ---- what an exchange asks of this front ---- */

static bool trust(void *link_, struct trust *trust)
{
    const struct curl_link *link = link_;
    if (link->handle)
        *trust = link->handle->trust;
    return link->handle != NULL;
}

/* libcurl always names the host. */
static bool peer_name(void *link, char *name, size_t size)
{
    (void)link, (void)name, (void)size;
    return false;
}

static bool may_wait(void *link_)
{
    const struct curl_link *link = link_;
    return link->handle && !link->handle->multi;
}

static bool may_answer(void *link)
{
    (void)link;
    return true;
}

static const struct exchange_front link_front = {
    .trust = trust,
    .peer_name = peer_name,
    .may_wait = may_wait,
    .may_answer = may_answer,
};

/* ---- beginnings and ends ---- */

static void queue_free(struct queue *queue)
{
    buffer_wipe(&queue->bytes);
    buffer_free(&queue->bytes);
    queue->at = 0;
}

static void head_free(struct head *head)
{
    buffer_wipe(&head->bytes);
    buffer_free(&head->bytes);
}

static void leave_handle(struct curl_link *link)
{
    struct curl_link **at = link->handle ? &link->handle->links : NULL;
    while (at && *at && *at != link)
        at = &(*at)->next_of_handle;
    if (at && *at)
        *at = link->next_of_handle;
    link->handle = NULL;
}

static bool is_open(const struct curl_link *link)
{
    struct stat seen;
    return fstat(link->ours, &seen) == 0 && seen.st_dev == link->device &&
           seen.st_ino == link->inode;
}

static void stop_listening(struct curl_link *link)
{
    if (link->path[0])
        unlink(link->path);
    link->path[0] = '\0';
}

static void link_free(struct curl_link *link)
{
    leave_handle(link);
    exchange_free(link->exchange);
    curl_origin_close(link->origin);
    if (link->ours >= 0 && is_open(link))
        close(link->ours);
    stop_listening(link);
    free(link->authority);
    queue_free(&link->out);
    queue_free(&link->in);
    head_free(&link->request);
    head_free(&link->response);
    free(link);
}

static bool identify(struct curl_link *link)
{
    struct stat seen;
    if (fstat(link->ours, &seen) != 0)
        return false;
    link->device = seen.st_dev;
    link->inode = seen.st_ino;
    return true;
}

/*
 * In the cache's directory, where nobody else gets to. The socket must have a name in the file
 * system: to one that has none, libcurl 7.88 does not connect (CURL_SOCKOPT_ALREADY_CONNECTED is
 * lost on it), and a connection whose peer's name is empty, as an abstract one's is to it, it never
 * uses again (ConnectionExists takes it for one whose name is not resolved yet).
 */
static bool start_listening(struct curl_link *link, struct curl_sockaddr *address)
{
    static atomic_uint count;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const struct context *context = context_get();
    int size = snprintf(name.sun_path, sizeof(name.sun_path), "%s/link.%d.%u",
                        context->config.directory, (int)getpid(), atomic_fetch_add(&count, 1));
    link->ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    link->listens = true;
    if (size < 0 || (size_t)size >= sizeof(name.sun_path) || link->ours < 0 || !identify(link) ||
        bind(link->ours, (struct sockaddr *)&name, sizeof(name)) != 0)
        return false;
    memcpy(link->path, name.sun_path, sizeof(link->path));
    address->family = AF_UNIX;
    address->socktype = SOCK_STREAM;
    address->protocol = 0;
    address->addrlen = sizeof(name);
    /* There is room for any address (Curl_sockaddr_ex). */
    memcpy(&address->addr, &name, sizeof(name));
    return listen(link->ours, 1) == 0;
}

/* Another process of the same user is not spoken to. */
static bool is_this_process(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getpid();
}

/* False: libcurl has not connected yet. */
static bool accept_libcurl(struct curl_link *link)
{
    while (link->listens) {
        /* cppcheck-suppress nullPointer ; who it is is asked below */
        int fd = accept4(link->ours, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return false;
        if (!is_this_process(fd)) {
            close(fd);
            continue;
        }
        close(link->ours);
        stop_listening(link);
        link->ours = fd;
        link->listens = !identify(link);
    }
    return true;
}

static struct curl_link *link_new(struct curl_handle *handle, struct curl_sockaddr *address)
{
    struct curl_link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    *link = (struct curl_link){.curl = handle->curl, .theirs = -1, .ours = -1};
    link->request.is_awaited = true;
    struct span authority = curl_authority_of(curl_options_text(&handle->options, CURL_OPTION_URL));
    link->authority = strndup((const char *)authority.data, authority.size);
    link->exchange = exchange_new(&link_front, link);
    if (link->authority && link->exchange && start_listening(link, address))
        link->theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->theirs < 0) {
        link_free(link);
        return NULL;
    }
    link->handle = handle;
    link->next_of_handle = handle->links;
    handle->links = link;
    return link;
}

curl_socket_t curl_link_open(void *handle_, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct curl_handle *handle = handle_;
    (void)purpose;
    int saved = errno;
    /* After the origin could not be reached libcurl tries again where a connection had been in use
     * before: the same would come of it. */
    struct curl_link *link =
        handle->failure == CURLE_OK && !handle->must_repeat ? link_new(handle, address) : NULL;
    errno = saved;
    if (!link) {
        handle->must_repeat |= handle->failure == CURLE_OK;
        return CURL_SOCKET_BAD;
    }
    curl_handles_lock();
    link->next = links;
    links = link;
    curl_handles_unlock();
    return link->theirs;
}

int curl_link_close(void *handle, curl_socket_t fd)
{
    (void)handle;
    int saved = errno;
    curl_handles_lock();
    struct curl_link **at = &links;
    while (*at && (*at)->theirs != fd)
        at = &(*at)->next;
    struct curl_link *link = *at;
    if (link)
        *at = link->next;
    curl_handles_unlock();
    if (link)
        link_free(link);
    errno = saved;
    return close(fd);
}

void curl_links_rest(struct curl_handle *handle)
{
    for (struct curl_link *link = handle->links; link; link = link->next_of_handle) {
        if (!link->origin || curl_origin_state(link->origin) != CURL_ORIGIN_READY)
            continue;
        struct curl_kind kind = curl_kind_of(link->handle, link->authority);
        curl_pool_put(&kind, link->origin, &link->peer);
        link->origin = NULL;
    }
}

void curl_links_leave(struct curl_handle *handle)
{
    while (handle->links) {
        struct curl_link *link = handle->links;
        curl_origin_close(link->origin);
        link->origin = NULL;
        leave_handle(link);
    }
}

bool curl_links_lead_to(const struct curl_handle *handle, struct span authority)
{
    for (const struct curl_link *link = handle->links; link; link = link->next_of_handle)
        if (!link->has_ended && span_equal(span_of_text(link->authority), authority))
            return true;
    return false;
}

/* ---- to libcurl ---- */

static void append(struct queue *queue, const void *bytes, size_t size)
{
    if (queue->at == queue->bytes.size) {
        buffer_clear(&queue->bytes);
        queue->at = 0;
    }
    buffer_append(&queue->bytes, bytes, size);
}

/* "HTTP/1.1 200 OK": 0 if it is nothing like that. */
static unsigned status_of(struct span head)
{
    enum { AT = sizeof("HTTP/1.1 ") - 1, DIGITS = 3 };
    char digits[DIGITS + 1] = "";
    if (head.size < AT + DIGITS)
        return 0;
    memcpy(digits, head.data + AT, DIGITS);
    return (unsigned)strtoul(digits, NULL, 10);
}

static void notice_redirect(struct curl_link *link, struct span head)
{
    enum { FIRST = 300, LAST = 399 };
    struct curl_handle *handle = link->handle;
    unsigned status = status_of(head);
    size_t at = 0;
    struct span location = curl_field(head, "Location", &at);
    handle->is_redirected_within =
        location.size > 0 && !span_contains(location, SPAN_OF("://")) &&
        !(location.size > 1 && location.data[0] == '/' && location.data[1] == '/');
    if (status >= FIRST && status <= LAST && location.size > 0 &&
        curl_options_number(&handle->options, CURL_OPTION_FOLLOWLOCATION, 0) != 0)
        handle->must_repeat = true;
}

/* The head of a response is whole. */
static void end_response_head(struct curl_link *link)
{
    enum { FINAL = 200 };
    struct span head = buffer_span(&link->response.bytes);
    unsigned status = status_of(head);
    if (status == 0 || status >= FINAL) {
        link->response.is_awaited = false;
        link->request.is_awaited = true;
    }
    if (link->handle) {
        curl_cookies_take(link->handle, head);
        notice_redirect(link, head);
    }
    append(&link->in, head.data, head.size);
    buffer_wipe(&link->response.bytes);
}

/* Collects a head; returns how many of the bytes belong to it. */
static size_t collect(struct head *head, const uint8_t *bytes, size_t size, bool *is_whole)
{
    static const char end[] = "\r\n\r\n";
    enum { END = sizeof(end) - 1 };
    size_t before = head->bytes.size;
    buffer_append(&head->bytes, bytes, size);
    size_t from = before < END ? 0 : before - END;
    const uint8_t *found = head->bytes.failed
                               ? NULL
                               : memmem(head->bytes.data + from, head->bytes.size - from, end, END);
    *is_whole = found || head->bytes.size > HEAD_LIMIT;
    if (!found)
        return size;
    size_t whole = (size_t)(found - head->bytes.data) + END;
    head->bytes.size = whole;
    return whole - before;
}

static void show(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    while (size > 0 && link->response.is_awaited) {
        bool is_whole;
        size_t used = collect(&link->response, bytes, size, &is_whole);
        bytes += used;
        size -= used;
        if (is_whole)
            end_response_head(link);
    }
    append(&link->in, bytes, size);
}

/* False: some of it has to wait, or it is broken. */
static bool flush(struct curl_link *link)
{
    struct queue *in = &link->in;
    while (in->at < in->bytes.size) {
        ssize_t sent = send(link->ours, in->bytes.data + in->at, in->bytes.size - in->at,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return false;
        in->at += (size_t)sent;
    }
    if (in->bytes.failed)
        link->has_ended = true;
    link->is_shut = link->has_ended && shutdown(link->ours, SHUT_RDWR) == 0;
    return !link->has_ended;
}

/* ---- ends, of what the origin sends ---- */

static void give_up_origin(struct curl_link *link)
{
    curl_origin_close(link->origin);
    link->origin = NULL;
}

/* Nothing more will come. If the exchange has an answer all the same, or wants to go on over
 * another connection, that is what happens; else libcurl is to see the end, too. */
static void end_origin(struct curl_link *link, bool is_clean)
{
    give_up_origin(link);
    if (link->exchange) {
        exchange_feed_end(link->exchange, is_clean);
        if (exchange_answer_size(link->exchange) > 0)
            exchange_sent(link->exchange, exchange_held(link->exchange).size);
        link->is_sending = false;
        if (exchange_answer_size(link->exchange) > 0 || exchange_is_due(link->exchange))
            return;
    }
    link->has_ended = true;
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
    if (link->origin)
        remember_peer(link);
    if (link->exchange)
        exchange_sent(link->exchange, exchange_held(link->exchange).size);
    end_origin(link, false);
    if (!link->has_ended || !handle)
        return;
    handle->failure = code;
    memcpy(handle->failure_text, kept, sizeof(kept));
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
    struct curl_origin *origin;
    while ((origin = curl_pool_take(&kind, &link->peer)) != NULL && !is_fit(origin))
        curl_origin_close(origin);
    if (origin) {
        link->handle->peer = link->peer;
        return origin;
    }
    CURL *easy = curl_disguise_duplicate(link->handle);
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

static bool send_out(struct curl_link *link)
{
    size_t sent;
    if (to_be_sent(link).size == 0 || !reach(link))
        return false;
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

static bool receive(struct curl_link *link)
{
    uint8_t bytes[PIECE];
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
        show(link, bytes, shown);
        explicit_bzero(bytes, received);
    }
    return true;
}

/* ---- from libcurl ---- */

static void feed(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    if (!link->exchange) {
        append(&link->out, bytes, size);
        return;
    }
    bool is_lost = false;
    enum exchange_verdict verdict = exchange_feed_request(link->exchange, bytes, size, &is_lost);
    if (verdict == EXCHANGE_FORWARD)
        link->is_sending = true;
    if (verdict != EXCHANGE_PASS)
        return;
    struct span held = exchange_held(link->exchange);
    append(&link->out, held.data, held.size);
    if (is_lost)
        append(&link->out, bytes, size);
    exchange_free(link->exchange);
    link->exchange = NULL;
    link->is_sending = false;
}

static void end_request_head(struct curl_link *link)
{
    struct head *request = &link->request;
    size_t at = 0;
    if (link->handle) {
        link->handle->peer = link->peer;
        curl_cookies_send(link->handle, &request->bytes);
    }
    struct span length = curl_field(buffer_span(&request->bytes), "Content-Length", &at);
    link->body_left = length.data ? strtoull((const char *)length.data, NULL, 10) : 0;
    request->is_awaited = false;
    link->response.is_awaited = true;
    link->is_first = true;
    feed(link, request->bytes.data, request->bytes.size);
    buffer_wipe(&request->bytes);
}

static void accept_bytes(struct curl_link *link, const uint8_t *bytes, size_t size)
{
    while (size > 0 && link->request.is_awaited && link->body_left == 0) {
        bool is_whole;
        size_t used = collect(&link->request, bytes, size, &is_whole);
        bytes += used;
        size -= used;
        if (is_whole)
            end_request_head(link);
    }
    if (size == 0)
        return;
    link->body_left -= size < link->body_left ? size : link->body_left;
    feed(link, bytes, size);
}

static bool take_request(struct curl_link *link)
{
    uint8_t bytes[PIECE];
    ssize_t size = recv(link->ours, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size <= 0)
        return false;
    accept_bytes(link, bytes, (size_t)size);
    explicit_bzero(bytes, (size_t)size);
    return true;
}

static bool take_answer(struct curl_link *link)
{
    uint8_t bytes[PIECE];
    if (!link->exchange)
        return false;
    size_t size = exchange_answer_read(link->exchange, bytes, sizeof(bytes), false);
    if (size > 0) {
        show(link, bytes, size);
        explicit_bzero(bytes, size);
    }
    if (exchange_is_at_end(link->exchange))
        link->has_ended = true;
    return size > 0;
}

/* ---- all of it ---- */

static bool pump(struct curl_link *link)
{
    bool has_moved = false;
    if (link->is_shut || !is_open(link) || !accept_libcurl(link))
        return false;
    while (flush(link) && !(link->handle && link->handle->must_repeat) &&
           (take_answer(link) || take_request(link) || send_out(link) || receive(link)))
        has_moved = true;
    return has_moved;
}

bool curl_links_pump(struct curl_handle *handle)
{
    int saved = errno;
    bool has_moved = false;
    for (struct curl_link *link = handle->links; link; link = link->next_of_handle)
        has_moved |= pump(link);
    errno = saved;
    return has_moved;
}

/* libcurl has not read what there is: until it has, the origin must wait, too. */
static bool is_blocked(const struct curl_link *link)
{
    return link->in.at < link->in.bytes.size;
}

CURL *curl_links_origin(const struct curl_handle *handle)
{
    for (const struct curl_link *link = handle->links; link; link = link->next_of_handle)
        if (link->origin && curl_origin_state(link->origin) == CURL_ORIGIN_READY)
            return curl_origin_easy(link->origin);
    return NULL;
}

size_t curl_links_descriptors(const struct curl_handle *handle, int *fds, size_t count)
{
    size_t found = 0;
    for (const struct curl_link *link = handle->links; link; link = link->next_of_handle)
        if (link->origin && !link->has_ended && !is_blocked(link) && found < count)
            fds[found++] = curl_origin_descriptor(link->origin);
    return found;
}
