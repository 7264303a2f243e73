/* The hooked functions of libcurl, as the program calls them: see curl_front.h. */
#include "front/curl_front.h"

#include <stdarg.h>

#define EXPORT __attribute__((visibility("default")))
#define ROUTE curl_route_of(__builtin_return_address(0), __func__)

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): its headers' names are its own
 */

/* The one argument, of the type that the option's number says (curl.h, CURLOPTTYPE_…). */
#define ARGUMENT(option, argument)                                                                 \
    do {                                                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, option);                                                               \
        if ((int)(option) < CURLOPTTYPE_OBJECTPOINT)                                               \
            (argument).number = va_arg(arguments, long);                                           \
        else if ((int)(option) < CURLOPTTYPE_FUNCTIONPOINT || (int)(option) >= CURLOPTTYPE_BLOB)   \
            (argument).object = va_arg(arguments, void *);                                         \
        else if ((int)(option) < CURLOPTTYPE_OFF_T)                                                \
            (argument).function = va_arg(arguments, void (*)(void));                               \
        else                                                                                       \
            (argument).offset = va_arg(arguments, curl_off_t);                                     \
        va_end(arguments);                                                                         \
    } while (0)

EXPORT CURL *curl_easy_init(void)
{
    return curl_init(ROUTE);
}

EXPORT CURL *curl_easy_duphandle(CURL *easy)
{
    return curl_duplicate(ROUTE, easy);
}

EXPORT void curl_easy_reset(CURL *easy)
{
    curl_reset(ROUTE, easy);
}

EXPORT void curl_easy_cleanup(CURL *easy)
{
    curl_cleanup(ROUTE, easy);
}

EXPORT CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    union curl_argument argument;
    ARGUMENT(option, argument);
    return curl_set(ROUTE, easy, option, &argument);
}

/* What it asks for is written to where the one argument points. */
EXPORT CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
    va_list arguments;
    va_start(arguments, info);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return curl_get(ROUTE, easy, info, value);
}

EXPORT CURLHcode curl_easy_header(CURL *easy, const char *name, size_t index, unsigned origin,
                                  int request, struct curl_header **found)
{
    const struct curl_wanted_header wanted = {name, index, origin, request};
    return curl_find_header(ROUTE, easy, &wanted, found);
}

EXPORT struct curl_header *curl_easy_nextheader(CURL *easy, unsigned origin, int request,
                                                struct curl_header *last)
{
    const struct curl_wanted_header wanted = {.origin = origin, .request = request};
    return curl_next_header(ROUTE, easy, &wanted, last);
}

EXPORT CURLcode curl_easy_pause(CURL *easy, int pause)
{
    return curl_pause(ROUTE, easy, pause);
}

EXPORT CURLcode curl_easy_perform(CURL *easy)
{
    return curl_perform(ROUTE, easy);
}

EXPORT CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    return curl_add(ROUTE, multi, easy);
}

EXPORT CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    return curl_remove(ROUTE, multi, easy);
}

EXPORT CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    union curl_argument argument;
    ARGUMENT(option, argument);
    return curl_set_multi(ROUTE, multi, option, &argument);
}

EXPORT CURLMcode curl_multi_perform(CURLM *multi, int *running)
{
    return curl_perform_multi(ROUTE, multi, running);
}

EXPORT CURLMcode curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running)
{
    return curl_act(ROUTE, multi, fd, events, running);
}

EXPORT CURLMcode(curl_multi_socket)(CURLM *multi, curl_socket_t fd, int *running)
{
    return curl_act_on_socket(ROUTE, multi, fd, running);
}

EXPORT CURLMcode curl_multi_socket_all(CURLM *multi, int *running)
{
    return curl_act_on_all(ROUTE, multi, running);
}

EXPORT CURLMcode curl_multi_fdset(CURLM *multi, fd_set *reads, fd_set *writes, fd_set *excepts,
                                  int *highest)
{
    return curl_fill_sets(ROUTE, multi, reads, writes, excepts, highest);
}

EXPORT CURLMcode curl_multi_wait(CURLM *multi, struct curl_waitfd fds[], unsigned count,
                                 int timeout_ms, int *ready)
{
    return curl_wait_multi(ROUTE, multi, fds, count, timeout_ms, ready);
}

EXPORT CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd fds[], unsigned count,
                                 int timeout_ms, int *ready)
{
    return curl_poll_multi(ROUTE, multi, fds, count, timeout_ms, ready);
}

EXPORT CURLMsg *curl_multi_info_read(CURLM *multi, int *left)
{
    return curl_read_message(ROUTE, multi, left);
}

EXPORT CURLMcode curl_multi_assign(CURLM *multi, curl_socket_t fd, void *data)
{
    return curl_attach(ROUTE, multi, fd, data);
}

EXPORT CURLMcode curl_multi_cleanup(CURLM *multi)
{
    return curl_cleanup_multi(ROUTE, multi);
}

EXPORT CURLSHcode curl_share_cleanup(CURLSH *share)
{
    return curl_cleanup_share(ROUTE, share);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
