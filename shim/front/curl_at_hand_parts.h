/*
 * The inside of what is at hand, shared by the files that make it up:
 *
 *   curl_response.c       which responses may be handed out
 *   curl_at_hand.c        when, and handing out
 *   curl_at_hand_rest.c   libcurl goes on in the middle
 *   curl_at_hand_told.c   what the program is told about it
 *
 * Nothing else includes this.
 */
#ifndef VCACHE_FRONT_CURL_AT_HAND_PARTS_H
#define VCACHE_FRONT_CURL_AT_HAND_PARTS_H

#include "base/bytes.h"
#include "front/curl_at_hand.h"

enum curl_moment { NAMELOOKUP, CONNECT, APPCONNECT, PRETRANSFER, STARTTRANSFER, MOMENTS };

/* What makes the next request the last one with another body. */
struct curl_pattern {
    bool is_good;
    uint64_t changes; /* of the handle, */
    uint64_t lists;   /* of the program's, and of its environment, as of then */
    const struct curl_link *link;
    size_t body_size;
    long request_size;        /* as CURLINFO_REQUEST_SIZE, */
    bool counts_body;         /* which the body is a part of */
    bool has_moment[MOMENTS]; /* libcurl tells of it, without a new connection */
};

/* What a callback said in place of the size of what it was given. */
struct curl_refusal {
    bool is_of_header;
    bool is_open; /* libcurl has not been told yet */
    size_t size;  /* of what it was given */
    size_t returned;
    int pause; /* it took all of it, and called curl_easy_pause with this; 0: it did not */
};

struct curl_at_hand {
    struct curl_pattern pattern;

    /* The last transfer, if it was here: */
    bool is_last;
    bool is_under_way;
    struct exchange *exchange;  /* that has the answer, while it is under way */
    struct curl_at_hand *outer; /* in whose callback this one was begun, in this thread */
    struct buffer head;         /* of the response, with its empty line */
    struct curl_response response;
    struct buffer type; /* as the response has it, with its NUL */
    size_t lines;       /* of the head that were handed out, */
    size_t shown;       /* and their bytes */
    size_t got;         /* of the body, with what is being handed out */
    size_t upload;
    long request_size;
    uint64_t begun_us, answered_us, ended_us; /* 0: it has not */
    int pause;                                /* as curl_refusal's */
    struct buffer fields; /* of the head, for curl_easy_header: each name and value with its NUL */
    struct curl_header header, next_header;

    /* libcurl goes on: */
    bool is_resumed;
    struct curl_refusal refusal;
    struct buffer rest;
    size_t lines_to_skip;
    size_t bytes_to_skip;
};

/* ---- the program's callbacks (curl_at_hand.c) ---- */

/* As they are set now. */
struct curl_taker {
    curl_write_callback function; /* NULL: nobody is told */
    void *data;
};
struct curl_taker curl_taker_of_body(const struct curl_options *options);
struct curl_taker curl_taker_of_headers(const struct curl_options *options);

/* ---- curl_at_hand_rest.c ---- */

/* The exchange's answer, which was not handed out to its end, goes over a link. */
CURLcode curl_at_hand_resume(struct curl_handle *handle, const struct curl_refusal *refusal);

#endif
