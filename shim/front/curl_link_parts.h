/*
 * The inside of a link, shared by the files that make it up:
 *
 *   curl_link.c        beginnings and ends, and what the exchange asks
 *   curl_link_name.c   where libcurl finds our end
 *   curl_relay.c       bytes from libcurl and to it
 *   curl_reach.c       bytes to the origin and from it, and what becomes of it
 *
 * Nothing else includes this.
 */
#ifndef VCACHE_FRONT_CURL_LINK_PARTS_H
#define VCACHE_FRONT_CURL_LINK_PARTS_H

#include "base/bytes.h"
#include "exchange/exchange.h"
#include "front/curl_link.h"
#include "front/curl_origin.h"

#include <sys/types.h>
#include <sys/un.h>

/* Of what is moved at a time. */
enum { LINK_PIECE = 16 << 10 };

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
    int directory;   /* that the path leads through; -1: through none */
    char *authority; /* of the URL that it was opened for */
    dev_t device;    /* of our end: a program that closes all descriptors may have reused it */
    ino_t inode;
    struct exchange *exchange; /* NULL: until the next request what comes is passed on as it is */
    struct head request;
    struct head response;
    size_t body_left; /* of the request that is coming in, as far as its head says */
    struct queue out; /* to the origin, when there is no exchange */
    struct queue in;  /* to libcurl */
    bool is_replayed; /* the request is answered with what is at hand (curl_at_hand.h) */
    bool is_sending;  /* the exchange's held bytes are on their way to the origin */
    bool is_first;    /* none of them has gone yet: an idle connection is looked at first */
    bool is_ending;   /* after the exchange's answer there is no more for libcurl, */
    bool has_ended;   /* after `in` neither, */
    bool is_shut;     /* and it can see that */
    struct curl_origin *origin;
    struct curl_peer peer;  /* the origin's, once it was reached */
    struct curl_link *next; /* of all */
    struct curl_link *next_of_handle;
};

/* curl_link.c. For the request that begins: what passed before it was another's. */
struct exchange *link_new_exchange(struct curl_link *link);
/* Whether our end is still what it was. */
bool link_is_open(const struct curl_link *link);
/* False: libcurl has not connected yet. */
bool link_accept(struct curl_link *link);

/* curl_link_name.c. A name in the file system for our end, which may need link->directory open.
 * False: there is none that fits. */
bool link_name(struct curl_link *link, char *path, size_t room);

/* curl_relay.c. What the origin sent, or the exchange answers, for libcurl. */
void link_show(struct curl_link *link, const uint8_t *bytes, size_t size);

/* curl_reach.c. True: something was moved. */
bool link_send(struct curl_link *link);
bool link_receive(struct curl_link *link);

#endif
