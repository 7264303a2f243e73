/*
 * The policy of the libcurl hooks: what each call means on a handle of the program's. The exported
 * functions (curl.c) find out where the call goes and come here; the real ones are reached through
 * the route's table and by no other way.
 */
#ifndef VCACHE_FRONT_CURL_FRONT_H
#define VCACHE_FRONT_CURL_FRONT_H

#include "front/curl_at_hand.h"
#include "front/curl_handle.h"

/* curl_easy.c */
CURL *curl_init(struct curl_route route);
CURL *curl_duplicate(struct curl_route route, CURL *easy);
void curl_reset(struct curl_route route, CURL *easy);
void curl_cleanup(struct curl_route route, CURL *easy);
CURLcode curl_set(struct curl_route route, CURL *easy, CURLoption option,
                  const union curl_argument *argument);
CURLcode curl_pause(struct curl_route route, CURL *easy, int pause);
CURLcode curl_perform(struct curl_route route, CURL *easy);
CURLSHcode curl_cleanup_share(struct curl_route route, CURLSH *share);

/* curl_getinfo.c */
CURLcode curl_get(struct curl_route route, CURL *easy, CURLINFO info, void *value);
CURLHcode curl_find_header(struct curl_route route, CURL *easy,
                           const struct curl_wanted_header *wanted, struct curl_header **found);
struct curl_header *curl_next_header(struct curl_route route, CURL *easy,
                                     const struct curl_wanted_header *wanted,
                                     struct curl_header *last);

/* curl_multi.c */
CURLMcode curl_add(struct curl_route route, CURLM *multi, CURL *easy);
CURLMcode curl_remove(struct curl_route route, CURLM *multi, CURL *easy);
CURLMcode curl_set_multi(struct curl_route route, CURLM *multi, CURLMoption option,
                         const union curl_argument *argument);
CURLMcode curl_perform_multi(struct curl_route route, CURLM *multi, int *running);
CURLMcode curl_act(struct curl_route route, CURLM *multi, curl_socket_t fd, int events,
                   int *running);
CURLMcode curl_act_on_socket(struct curl_route route, CURLM *multi, curl_socket_t fd, int *running);
CURLMcode curl_act_on_all(struct curl_route route, CURLM *multi, int *running);
CURLMcode curl_fill_sets(struct curl_route route, CURLM *multi, fd_set *reads, fd_set *writes,
                         fd_set *excepts, int *highest);
CURLMcode curl_wait_multi(struct curl_route route, CURLM *multi, struct curl_waitfd *fds,
                          unsigned count, int timeout_ms, int *ready);
CURLMcode curl_poll_multi(struct curl_route route, CURLM *multi, struct curl_waitfd *fds,
                          unsigned count, int timeout_ms, int *ready);
CURLMsg *curl_read_message(struct curl_route route, CURLM *multi, int *left);
CURLMcode curl_attach(struct curl_route route, CURLM *multi, curl_socket_t fd, void *data);
CURLMcode curl_cleanup_multi(struct curl_route route, CURLM *multi);
/* The handle is freed, or was taken out. */
void curl_multi_leave(struct curl_handle *handle);

/* A transfer over a link begins: false if it cannot. */
bool curl_transfer_begin(struct curl_handle *handle);
/* It has ended with `code`: the handle is as the program has set it. What the program is to hear.
 */
CURLcode curl_transfer_end(struct curl_handle *handle, CURLcode code);
/* What the last transfer has left to be asked about is given up. It may hold on to the handle's
 * share. */
void curl_transfer_forget(struct curl_handle *handle);
/* An easy handle that is for a link; false: it could not be performed over one, and nothing of it
 * has been done. */
bool curl_perform_over_link(struct curl_handle *handle, CURLcode *code);
/* It is to be done without a link after all. */
void curl_transfer_give_up(struct curl_handle *handle);

#endif
