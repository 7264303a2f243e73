/*
 * Multi handles, as the program uses them: see curl_front.h.
 *
 * libcurl drives what is in a multi, over links or not, and counts and reports it. After each call
 * that drives it the links are pumped, so that what libcurl waits for next is there. Where a link
 * waits for the origin, its descriptor is given to whatever the program waits with: poll, select,
 * or the socket callback of its event loop.
 */
#include "front/curl_disguise.h"
#include "front/curl_front.h"
#include "front/curl_link.h"
#include "front/curl_observe.h"
#include "front/curl_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 8, WATCHED = 64, BUCKETS = 64, ALIGNMENT_BITS = 6 };

/* A descriptor that the program's event loop was told of. */
struct watched {
    int fd;
    CURL *easy;
    void *data; /* curl_multi_assign */
    bool is_needed;
};

struct curl_multi {
    CURLM *multi;
    const struct curl *curl;
    struct curl_handle *handles; /* that are over links in it */
    curl_socket_callback on_socket;
    void *on_socket_data;
    bool is_in_callback;
    struct watched *watched;
    size_t watched_count;
    size_t watched_room;
    struct curl_multi *next;
};

/* ---- found by address ---- */

static struct curl_multi *buckets[BUCKETS]; /* under the lock of the handles */

static struct curl_multi **bucket_of(const CURLM *multi)
{
    return &buckets[((uintptr_t)multi >> ALIGNMENT_BITS) % BUCKETS];
}

static struct curl_multi *find(struct curl_route route, const CURLM *multi)
{
    if (route.passes || !multi)
        return NULL;
    curl_handles_lock();
    struct curl_multi *found = *bucket_of(multi);
    while (found && found->multi != multi)
        found = found->next;
    curl_handles_unlock();
    return found;
}

static struct curl_multi *make(struct curl_route route, CURLM *multi)
{
    struct curl_multi *made = find(route, multi);
    if (made || route.passes || !multi)
        return made;
    made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->multi = multi;
    made->curl = route.curl;
    curl_handles_lock();
    made->next = *bucket_of(multi);
    *bucket_of(multi) = made;
    curl_handles_unlock();
    return made;
}

static void take_out(struct curl_multi *multi)
{
    curl_handles_lock();
    struct curl_multi **at = bucket_of(multi->multi);
    while (*at && *at != multi)
        at = &(*at)->next;
    if (*at)
        *at = multi->next;
    curl_handles_unlock();
}

/* ---- the program's event loop ---- */

static struct watched *find_watched(const struct curl_multi *multi, int fd)
{
    for (size_t i = 0; i < multi->watched_count; i++)
        if (multi->watched[i].fd == fd)
            return &multi->watched[i];
    return NULL;
}

static void tell(struct curl_multi *multi, struct watched *watched, int what)
{
    struct watched told = *watched;
    multi->is_in_callback = true;
    multi->on_socket(told.easy, told.fd, what, multi->on_socket_data, told.data);
    multi->is_in_callback = false;
}

static void begin_watching(struct curl_multi *multi, CURL *easy, int fd)
{
    if (multi->watched_count == multi->watched_room) {
        size_t room = 2 * multi->watched_room + DESCRIPTORS;
        struct watched *more = realloc(multi->watched, room * sizeof(*more));
        if (!more)
            return;
        multi->watched = more;
        multi->watched_room = room;
    }
    struct watched *watched = &multi->watched[multi->watched_count++];
    *watched = (struct watched){.fd = fd, .easy = easy, .is_needed = true};
    tell(multi, watched, CURL_POLL_IN);
}

static void stop_watching(struct curl_multi *multi, size_t index)
{
    struct watched watched = multi->watched[index];
    multi->watched[index] = multi->watched[--multi->watched_count];
    tell(multi, &watched, CURL_POLL_REMOVE);
}

static void watch_links(struct curl_multi *multi)
{
    int fds[DESCRIPTORS];
    if (!multi->on_socket)
        return;
    for (size_t i = 0; i < multi->watched_count; i++)
        multi->watched[i].is_needed = false;
    for (struct curl_handle *at = multi->handles; at; at = at->next_in_multi) {
        size_t count = at->is_waiting ? curl_links_descriptors(at, fds, DESCRIPTORS) : 0;
        for (size_t i = 0; i < count; i++) {
            struct watched *watched = find_watched(multi, fds[i]);
            if (watched)
                watched->is_needed = true;
            else
                begin_watching(multi, at->easy, fds[i]);
        }
    }
    for (size_t i = multi->watched_count; i > 0; i--)
        if (!multi->watched[i - 1].is_needed)
            stop_watching(multi, i - 1);
}

/* ---- in and out ---- */

const void *curl_multi_owner(const struct curl_multi *multi)
{
    return multi->multi;
}

static void leave(struct curl_handle *handle)
{
    struct curl_handle **at = &handle->multi->handles;
    while (*at && *at != handle)
        at = &(*at)->next_in_multi;
    if (*at)
        *at = handle->next_in_multi;
    handle->next_in_multi = NULL;
    handle->multi = NULL;
    handle->is_waiting = false;
}

void curl_multi_leave(struct curl_handle *handle)
{
    struct curl_multi *multi = handle->multi;
    if (!multi)
        return;
    leave(handle);
    watch_links(multi);
}

static CURLMcode add_without_link(struct curl_route route, CURLM *multi, CURL *easy,
                                  struct curl_handle *handle)
{
    if (handle)
        curl_observe_begin(handle);
    struct curl_handle *taken = handle || route.passes ? NULL : curl_handle_find(easy);
    curl_at_hand_occupy(taken);
    CURLMcode code = route.curl->curl_multi_add_handle(multi, easy);
    curl_at_hand_vacate(taken);
    if (handle && code != CURLM_OK)
        curl_observe_end(handle);
    return code;
}

CURLMcode curl_add(struct curl_route route, CURLM *multi_, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    bool is_free = handle && !handle->is_waiting && !handle->multi;
    struct curl_multi *multi = is_free && curl_is_for_link(handle) ? make(route, multi_) : NULL;
    if (is_free) {
        handle->is_linked = false;
        curl_at_hand_forget(handle);
    }
    if (!multi || !curl_transfer_begin(handle))
        return add_without_link(route, multi_, easy, is_free ? handle : NULL);
    handle->multi = multi;
    handle->is_waiting = true;
    handle->next_in_multi = multi->handles;
    multi->handles = handle;
    CURLMcode code = route.curl->curl_multi_add_handle(multi_, easy);
    if (code != CURLM_OK) {
        leave(handle);
        curl_transfer_give_up(handle);
    }
    return code;
}

CURLMcode curl_remove(struct curl_route route, CURLM *multi, CURL *easy)
{
    struct curl_handle *handle = route.passes ? NULL : curl_handle_find(easy);
    CURLMcode code = route.curl->curl_multi_remove_handle(multi, easy);
    if (code == CURLM_OK && handle)
        curl_observe_end(handle);
    if (code != CURLM_OK || !handle || !handle->multi)
        return code;
    curl_disguise_take_off(handle);
    curl_multi_leave(handle);
    return code;
}

/* ---- driving ---- */

/* What could not be done over a link begins anew without one. */
static void repeat(struct curl_multi *multi, struct curl_handle *handle, int *running)
{
    const struct curl *curl = multi->curl;
    if (curl->curl_multi_remove_handle(multi->multi, handle->easy) != CURLM_OK)
        return;
    bool was_counted = *running > 0 && handle->failure == CURLE_OK;
    leave(handle);
    curl_transfer_give_up(handle);
    curl_observe_begin(handle);
    if (curl->curl_multi_add_handle(multi->multi, handle->easy) == CURLM_OK && !was_counted)
        ++*running;
}

/* After libcurl has driven what is in the multi. */
static void settle(struct curl_multi *multi, int *running)
{
    int saved = errno;
    struct curl_handle *next;
    for (struct curl_handle *at = multi->handles; at; at = next) {
        next = at->next_in_multi;
        if (at->is_waiting)
            curl_links_pump(at);
        if (at->must_repeat)
            repeat(multi, at, running);
    }
    watch_links(multi);
    errno = saved;
}

#define DRIVE(call)                                                                                \
    do {                                                                                           \
        struct curl_multi *found = find(route, multi);                                             \
        int own_running = 0;                                                                       \
        running = found && !running ? &own_running : running;                                      \
        CURLMcode code = call;                                                                     \
        if (found && code == CURLM_OK && !found->is_in_callback)                                   \
            settle(found, running);                                                                \
        return code;                                                                               \
    } while (0)

CURLMcode curl_perform_multi(struct curl_route route, CURLM *multi, int *running)
{
    DRIVE(route.curl->curl_multi_perform(multi, running));
}

CURLMcode curl_act(struct curl_route route, CURLM *multi, curl_socket_t fd, int events,
                   int *running)
{
    DRIVE(route.curl->curl_multi_socket_action(multi, fd, events, running));
}

CURLMcode curl_act_on_socket(struct curl_route route, CURLM *multi, curl_socket_t fd, int *running)
{
    DRIVE(route.curl->curl_multi_socket(multi, fd, running));
}

CURLMcode curl_act_on_all(struct curl_route route, CURLM *multi, int *running)
{
    DRIVE(route.curl->curl_multi_socket_all(multi, running));
}

/* ---- waiting ---- */

static size_t descriptors_of(const struct curl_multi *multi, int fds[WATCHED])
{
    size_t count = 0;
    for (const struct curl_handle *at = multi ? multi->handles : NULL; at; at = at->next_in_multi)
        if (at->is_waiting)
            count += curl_links_descriptors(at, fds + count, WATCHED - count);
    return count;
}

CURLMcode curl_fill_sets(struct curl_route route, CURLM *multi, fd_set *reads, fd_set *writes,
                         fd_set *excepts, int *highest)
{
    int fds[WATCHED];
    CURLMcode code = route.curl->curl_multi_fdset(multi, reads, writes, excepts, highest);
    size_t count = code == CURLM_OK ? descriptors_of(find(route, multi), fds) : 0;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= FD_SETSIZE)
            continue;
        FD_SET(fds[i], reads);
        if (fds[i] > *highest)
            *highest = fds[i];
    }
    return code;
}

typedef CURLMcode wait_function(CURLM *multi, struct curl_waitfd *fds, unsigned count,
                                int timeout_ms, int *ready);

/* With the links' descriptors behind the program's. */
static CURLMcode wait_with(wait_function *wait, CURLM *multi, const int *ours, size_t ours_count,
                           struct curl_waitfd *fds, unsigned count, int timeout_ms, int *ready)
{
    struct curl_waitfd *all = calloc(count + ours_count, sizeof(*all));
    if (!all)
        return CURLM_OUT_OF_MEMORY;
    if (count > 0)
        memcpy(all, fds, count * sizeof(*all));
    for (size_t i = 0; i < ours_count; i++)
        all[count + i] = (struct curl_waitfd){.fd = ours[i], .events = CURL_WAIT_POLLIN};
    CURLMcode code = wait(multi, all, count + (unsigned)ours_count, timeout_ms, ready);
    for (unsigned i = 0; i < count; i++)
        fds[i].revents = all[i].revents;
    free(all);
    return code;
}

static CURLMcode wait_for(struct curl_route route, wait_function *wait, CURLM *multi,
                          struct curl_waitfd *fds, unsigned count, int timeout_ms, int *ready)
{
    int ours[WATCHED];
    size_t ours_count = descriptors_of(find(route, multi), ours);
    if (ours_count == 0)
        return wait(multi, fds, count, timeout_ms, ready);
    return wait_with(wait, multi, ours, ours_count, fds, count, timeout_ms, ready);
}

CURLMcode curl_wait_multi(struct curl_route route, CURLM *multi, struct curl_waitfd *fds,
                          unsigned count, int timeout_ms, int *ready)
{
    return wait_for(route, route.curl->curl_multi_wait, multi, fds, count, timeout_ms, ready);
}

CURLMcode curl_poll_multi(struct curl_route route, CURLM *multi, struct curl_waitfd *fds,
                          unsigned count, int timeout_ms, int *ready)
{
    return wait_for(route, route.curl->curl_multi_poll, multi, fds, count, timeout_ms, ready);
}

/* ---- what has ended ---- */

CURLMsg *curl_read_message(struct curl_route route, CURLM *multi, int *left)
{
    CURLMsg *message = route.curl->curl_multi_info_read(multi, left);
    struct curl_handle *handle = message && message->msg == CURLMSG_DONE && !route.passes
                                     ? curl_handle_find(message->easy_handle)
                                     : NULL;
    if (handle)
        curl_observe_end(handle);
    if (!handle || !handle->multi || !handle->is_waiting)
        return message;
    handle->is_waiting = false;
    handle->message = *message;
    handle->message.data.result = curl_transfer_end(handle, message->data.result);
    return &handle->message;
}

/* ---- the rest ---- */

CURLMcode curl_set_multi(struct curl_route route, CURLM *multi, CURLMoption option,
                         const union curl_argument *argument)
{
    const struct curl *curl = route.curl;
    CURLMcode code;
    if (option < (CURLMoption)CURLOPTTYPE_OBJECTPOINT)
        code = curl->curl_multi_setopt(multi, option, argument->number);
    else if (option < (CURLMoption)CURLOPTTYPE_FUNCTIONPOINT)
        code = curl->curl_multi_setopt(multi, option, argument->object);
    else if (option < (CURLMoption)CURLOPTTYPE_OFF_T)
        code = curl->curl_multi_setopt(multi, option, argument->function);
    else
        code = curl->curl_multi_setopt(multi, option, argument->offset);
    bool is_ours = option == CURLMOPT_SOCKETFUNCTION || option == CURLMOPT_SOCKETDATA;
    struct curl_multi *made = is_ours && code == CURLM_OK ? make(route, multi) : NULL;
    if (made && option == CURLMOPT_SOCKETFUNCTION)
        memcpy(&made->on_socket, &argument->function, sizeof(made->on_socket));
    else if (made)
        made->on_socket_data = argument->object;
    return code;
}

CURLMcode curl_attach(struct curl_route route, CURLM *multi, curl_socket_t fd, void *data)
{
    struct curl_multi *found = find(route, multi);
    struct watched *watched = found ? find_watched(found, fd) : NULL;
    if (!watched)
        return route.curl->curl_multi_assign(multi, fd, data);
    watched->data = data;
    return CURLM_OK;
}

CURLMcode curl_cleanup_multi(struct curl_route route, CURLM *multi)
{
    struct curl_multi *found = find(route, multi);
    if (found)
        curl_pool_close(multi);
    CURLMcode code = route.curl->curl_multi_cleanup(multi);
    if (!found || code != CURLM_OK)
        return code;
    found->on_socket = NULL;
    take_out(found);
    while (found->handles) {
        curl_disguise_take_off(found->handles);
        leave(found->handles);
    }
    free(found->watched);
    free(found);
    return code;
}
