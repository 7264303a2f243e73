/*
 * Easy handles: what the front knows of each that a program has made, found by its address.
 *
 * A record is made with the handle and freed with it. Finding it is thread-safe; a record is used
 * as its handle is: by one thread at a time.
 */
#ifndef VCACHE_FRONT_CURL_HANDLE_H
#define VCACHE_FRONT_CURL_HANDLE_H

#include "cache/namespace.h"
#include "front/curl_options.h"
#include "front/curl_plain.h"

#include <stdint.h>

struct curl_link;
struct curl_witness;
struct curl_shown;
struct curl_origin;
struct curl_multi;
struct curl_at_hand;
struct exchange;

/* What curl_easy_getinfo says of the connection to the origin, which another handle has. */
struct curl_peer {
    char primary_ip[64];
    long primary_port;
    char local_ip[64];
    long local_port;
    long verify_result;
    long connect_code; /* of a proxy */
    long os_errno;
};

/* What went over links in a transfer. */
struct curl_passed {
    struct curl_link *link; /* NULL: it is gone */
    unsigned requests;
    unsigned plain_responses; /* of the kind that curl_at_hand.h knows */
    size_t head_size;         /* of the request, as libcurl wrote it */
    size_t body_size;         /* of the request */
    size_t response_size;     /* of the response's head */
};

struct curl_handle {
    CURL *easy;
    const struct curl *curl;
    uint64_t serial;
    struct curl_options options;
    struct curl_plain plain;
    CURLM *own;               /* in which curl_easy_perform drives it over a link */
    struct curl_multi *multi; /* the program's, that it is in; NULL: in none */
    struct curl_link *links;  /* that were opened for it */
    struct trust trust;       /* of the transfer that is under way, */
    struct buffer trusted;    /* and what it is a digest of */

    bool is_disguised;         /* its options are those of a link */
    bool is_linked;            /* its last transfer went over a link */
    bool is_waiting;           /* performed, and not at its end */
    bool must_repeat;          /* over a link it cannot be done after all */
    bool is_redirected_within; /* the last response's Location names no host */

    /* What the origin's side failed with, in place of what the program's side sees of that: */
    CURLcode failure;
    struct curl_origin *unreached; /* that it failed to connect to */
    char failure_text[CURL_ERROR_SIZE];

    struct curl_passed passed;
    struct curl_at_hand *at_hand; /* curl_at_hand.h; NULL: nothing was ever */
    struct curl_peer peer;
    struct curl_witness *witness; /* curl_witness.h */
    struct curl_shown *shown;     /* curl_certificates.h */
    bool names_vsphere;           /* the URL: curl_names_vsphere */
    char *worded;    /* the URL with the scheme that the program has left out; NULL: it has not */
    char *effective; /* the URL in libcurl's words; NULL: as the program has set it */
    size_t request_added;      /* what was added to its requests */
    char *redirect;            /* what CURLINFO_REDIRECT_URL was answered with */
    struct exchange *observer; /* of a transfer without a link (curl_observe.h) */
    CURLMsg message;           /* that the program was given in place of libcurl's own */
    struct curl_handle *next;
    struct curl_handle *next_in_multi;
};

/* The record of `easy`, or NULL. */
struct curl_handle *curl_handle_find(const CURL *easy);
/* The same, made if there is none; NULL without memory. */
struct curl_handle *curl_handle_make(const struct curl *curl, CURL *easy);
/* With its scheme, if that is HTTPS (CURLOPT_DEFAULT_PROTOCOL); NULL: none is set. */
const char *curl_handle_url(const struct curl_handle *handle);
/* To be called when what it follows from has been set. */
void curl_handle_word_url(struct curl_handle *handle);

/* Before libcurl frees the handle. */
void curl_handle_free(struct curl_handle *handle);

/* The program's own handle of it: connections belong to it. (curl_multi.c) */
const void *curl_multi_owner(const struct curl_multi *multi);

/* Around fork: nobody is in the middle of it. */
void curl_handles_lock(void);
void curl_handles_unlock(void);

#endif
