/*
 * Links: in place of a connection to the origin, libcurl is given one to this process itself. At
 * the other end an exchange reads what libcurl sends, and answers it; what must go out goes over a
 * connection of its own (curl_origin.h), made when it is first needed, and kept for the next
 * transfer (curl_pool.h). So libcurl itself hands
 * every answer to the program, as only it knows how: headers, pieces, pauses, codings, cookies,
 * time-outs, in an easy handle or in a multi.
 *
 * A link lives as long as libcurl's connection over it: libcurl closes its end through the front.
 * Nothing here blocks but an exchange that may wait. One thread at a time uses a link: that which
 * drives the handle's transfers.
 */
#ifndef VCACHE_FRONT_CURL_LINK_H
#define VCACHE_FRONT_CURL_LINK_H

#include "front/curl_handle.h"

/* Gives libcurl's end to the handle's transfer; CURL_SOCKET_BAD: it cannot be done. With the type
 * of CURLOPT_OPENSOCKETFUNCTION. */
curl_socket_t curl_link_open(void *handle, curlsocktype purpose, struct curl_sockaddr *address);
/* libcurl closes its end. With the type of CURLOPT_CLOSESOCKETFUNCTION. */
int curl_link_close(void *handle, curl_socket_t fd);

/*
 * Moves what can be moved now, after libcurl has been driven. True: libcurl has something to go on
 * with at once.
 */
bool curl_links_pump(struct curl_handle *handle);

/* The descriptors that are readable when there is more to move, at most `count` of them. */
size_t curl_links_descriptors(const struct curl_handle *handle, int *fds, size_t count);

/*
 * The exchange of a link that was opened for the handle, if nothing is under way on it: libcurl
 * would use it for the next transfer. Else NULL, also if there is no such link any more. The
 * origin's side of it becomes the handle's peer.
 */
struct exchange *curl_link_at_rest(struct curl_handle *handle, const struct curl_link *link);

/* Whether a line that libcurl writes for people names a link's end. */
bool curl_link_is_spoken_of(struct span line);

/* Whether one of them is open to that host and port, as a URL names them. */
bool curl_links_lead_to(const struct curl_handle *handle, struct span authority);

/* The transfer is whole: its connection to the origin goes to the pool. */
void curl_links_rest(struct curl_handle *handle);

/* The handle that is connected to the origin for this one; NULL: none is. */
CURL *curl_links_origin(const struct curl_handle *handle);

/* The handle is freed; its links stay until libcurl closes them. */
void curl_links_leave(struct curl_handle *handle);

#endif
