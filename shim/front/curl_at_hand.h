/*
 * At hand: an answer that is stored is given to a plain easy handle without driving libcurl at all.
 *
 * The request is not made up: after a transfer over a link, the exchange at its other end has the
 * head that libcurl wrote. While nothing was set since that could make libcurl write another
 * (curl_plain.h), the next request is that head with another body, and the exchange is asked with
 * it. If an answer is stored, its header lines and its body are handed to the program's callbacks
 * here; if not, nothing has happened, and the transfer goes over the link as ever.
 *
 * As soon as a callback does anything but take what it is given, libcurl itself gets to go on from
 * there, in its own words: it performs over the link, is answered with the same answer, and the
 * callbacks are spared what they had. So a pause, an abort, an error are libcurl's.
 *
 * What curl_easy_getinfo says afterwards is reckoned from what libcurl said after the transfer over
 * the link; a handle on which that does not add up is never answered here.
 */
#ifndef VCACHE_FRONT_CURL_AT_HAND_H
#define VCACHE_FRONT_CURL_AT_HAND_H

#include "front/curl_handle.h"

/* ---- what may be handed out (curl_response.c) ---- */

/* The longest line of such a head, with its end. */
enum { CURL_RESPONSE_LINE = 4096 };

struct curl_response {
    struct span type; /* Content-Type; data is NULL if there is none */
    size_t length;    /* Content-Length */
};

/* Reads a whole head. False: it is not a 200 of HTTP/1.1 with a Content-Length, or holds a field
 * that libcurl acts upon in another way than by showing it. */
bool curl_response_read(struct span head, struct curl_response *response);

/* ---- the course of things ---- */

/* A transfer over a link begins; it has ended well, and libcurl may be asked about it. */
void curl_at_hand_begin(struct curl_handle *handle);
void curl_at_hand_learn(struct curl_handle *handle);

/* curl_easy_perform. False: it must be performed over a link; nothing has happened. */
bool curl_at_hand_perform(struct curl_handle *handle, CURLcode *code);

/* libcurl goes on where a callback did not take what it was given: the callbacks are not the
 * program's, and what libcurl is to be answered with; size 0: it is not so. */
struct span curl_at_hand_rest(const struct curl_handle *handle);

/* What the program's callbacks and settings are to libcurl while it goes on, and what they were. */
void curl_at_hand_step_in(struct curl_handle *handle);
void curl_at_hand_step_aside(struct curl_handle *handle);
/* Whether a new value of that option waits until libcurl has gone on to the end. */
bool curl_at_hand_keeps(const struct curl_handle *handle, CURLoption option);

/* A callback pauses the handle: false if it is not under way here. */
bool curl_at_hand_pause(struct curl_handle *handle, int pause);
/* So that libcurl itself refuses what cannot be done to a handle in a transfer: it is in a multi
 * from one to the other. Nothing if it is not under way. */
void curl_at_hand_occupy(struct curl_handle *handle);
void curl_at_hand_vacate(struct curl_handle *handle);

/* What curl_easy_getinfo says; false: what libcurl says is right. */
bool curl_at_hand_tell(const struct curl_handle *handle, CURLINFO info, void *value);

/* Of an older transfer it may be a time that is longer than this one took. */
void curl_at_hand_bound(const struct curl_handle *handle, CURLINFO info, void *value);

/* For curl_easy_header and curl_easy_nextheader: NULL if libcurl knows; `handle` may be NULL. What
 * is found lives until the next transfer, or the same question. */
struct curl_wanted_header {
    const char *name;
    size_t index;
    unsigned origin;
    int request;
};
struct curl_at_hand *curl_at_hand_told(const struct curl_handle *handle);
CURLHcode curl_at_hand_header(struct curl_at_hand *at_hand, const struct curl_wanted_header *wanted,
                              struct curl_header **found);
struct curl_header *curl_at_hand_next_header(struct curl_at_hand *at_hand,
                                             const struct curl_wanted_header *wanted,
                                             const struct curl_header *last);

/* The next transfer is another, whatever it is: nothing is told of the last one. */
void curl_at_hand_forget(struct curl_handle *handle);
void curl_at_hand_free(struct curl_handle *handle);

/* What this thread is handing out must not lie in the mapped file in a child. */
void curl_at_hand_before_fork(void);

#endif
