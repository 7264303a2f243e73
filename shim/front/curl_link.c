/* Links, their beginnings and ends: see curl_link.h. */
#include "front/curl_disguise.h"
#include "front/curl_link_parts.h"
#include "front/curl_pool.h"

#include "base/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* That a link and a connection to the origin may need beside it. */
enum { DESCRIPTORS = 16 };

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
    .asks_again = true,
};

struct exchange *link_new_exchange(struct curl_link *link)
{
    return exchange_new(&link_front, link);
}

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
    if (link->handle && link->handle->passed.link == link)
        link->handle->passed.link = NULL;
    link->handle = NULL;
}

bool link_is_open(const struct curl_link *link)
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
    if (link->directory >= 0)
        close(link->directory);
    link->directory = -1;
}

static void link_free(struct curl_link *link)
{
    leave_handle(link);
    exchange_free(link->exchange);
    curl_origin_close(link->origin);
    if (link->ours >= 0 && link_is_open(link))
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
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (!link_name(link, name.sun_path, sizeof(name.sun_path)))
        return false;
    link->ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    link->listens = true;
    if (link->ours < 0 || !identify(link) ||
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

/* libcurl sees the end of it: what it has sent is lost, and that nobody has read. */
static void stop_accepting(struct curl_link *link)
{
    static const char why[] = "Failed to connect: too many open files";
    if (link->handle) {
        link->handle->failure = CURLE_COULDNT_CONNECT;
        memcpy(link->handle->failure_text, why, sizeof(why));
    }
    close(link->ours);
    link->ours = -1;
    stop_listening(link);
}

bool link_accept(struct curl_link *link)
{
    while (link->listens) {
        /* cppcheck-suppress nullPointer ; who it is is asked below */
        int fd = accept4(link->ours, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                stop_accepting(link);
            return false;
        }
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
    *link = (struct curl_link){.curl = handle->curl, .theirs = -1, .ours = -1, .directory = -1};
    link->request.is_awaited = true;
    struct span authority = curl_authority_of(curl_handle_url(handle));
    link->authority = strndup((const char *)authority.data, authority.size);
    link->exchange = link_new_exchange(link);
    if (link->authority && link->exchange && start_listening(link, address))
        link->theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->theirs < 0 || !room_for_descriptors(DESCRIPTORS)) {
        if (link->theirs >= 0)
            close(link->theirs);
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

/* libcurl gives the transfer up while the origin is being connected to: what the program asks about
 * it then, the handle that tries knows. */
static void keep_unreached(struct curl_link *link)
{
    struct curl_handle *handle = link->handle;
    if (!handle || !link->origin || curl_origin_state(link->origin) != CURL_ORIGIN_WAITS)
        return;
    curl_origin_close(handle->unreached);
    handle->unreached = link->origin;
    curl_origin_give_up(handle->unreached);
    link->origin = NULL;
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
    if (link) {
        keep_unreached(link);
        link_free(link);
    }
    errno = saved;
    return close(fd);
}

void curl_links_rest(struct curl_handle *handle)
{
    bool is_last = curl_options_number(&handle->options, CURL_OPTION_FORBID_REUSE, 0) != 0;
    for (struct curl_link *link = handle->links; link; link = link->next_of_handle) {
        if (!link->origin || curl_origin_state(link->origin) != CURL_ORIGIN_READY)
            continue;
        struct curl_kind kind = curl_kind_of(link->handle, link->authority);
        if (is_last)
            curl_origin_close(link->origin);
        else
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

/* ---- what is asked of them ---- */

/* libcurl has not read what there is: until it has, the origin must wait, too. */
static bool is_blocked(const struct curl_link *link)
{
    return link->in.at < link->in.bytes.size;
}

struct exchange *curl_link_at_rest(struct curl_handle *handle, const struct curl_link *wanted)
{
    const struct curl_link *link = handle->links;
    while (link && link != wanted)
        link = link->next_of_handle;
    bool is_at_rest = link && !link->has_ended && !link->is_ending && !link->listens &&
                      !link->is_sending && !is_blocked(link) && link->request.is_awaited &&
                      link->request.bytes.size == 0 && link->body_left == 0;
    if (!is_at_rest)
        return NULL;
    handle->peer = link->peer;
    return link->exchange;
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
