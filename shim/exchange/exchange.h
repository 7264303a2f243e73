/*
 * The exchange: one request and its answer on one connection, and the decision what happens to it.
 *
 * A front hands over what the program writes, before it is sent, and gets a verdict; on `forward`
 * it hands over what comes back, before the program sees it. A front knows its library and nothing
 * of SOAP; the exchange knows nothing of sockets: what it needs of the connection it asks through
 * the callbacks of `struct exchange_front`.
 *
 *     exchange_feed_request ──┬─ EXCHANGE_MORE      tell the program that its bytes were written
 *                             ├─ EXCHANGE_ANSWER    the same; exchange_answer_… has the answer
 *                             ├─ EXCHANGE_FORWARD   send exchange_held(); show what comes back
 *                             └─ EXCHANGE_PASS      send exchange_held(); never look again, free it
 *
 * One exchange serves one connection for its whole life, request after request. Not thread-safe, as
 * an SSL is not: one thread at a time uses a connection. Whatever goes wrong inside ends in FORWARD
 * or PASS with the held bytes complete: no byte of the program is ever lost. When even the memory
 * for holding bytes cannot be had, exchange_feed_request returns EXCHANGE_PASS with `is_lost`
 * telling that the bytes of *this* call are not among the held ones: the front sends held, then
 * these.
 */
#ifndef VCACHE_EXCHANGE_EXCHANGE_H
#define VCACHE_EXCHANGE_EXCHANGE_H

#include "base/bytes.h"
#include "cache/namespace.h"

enum exchange_verdict { EXCHANGE_PASS, EXCHANGE_MORE, EXCHANGE_FORWARD, EXCHANGE_ANSWER };

/* What the exchange asks of the front that made it; `connection` is the front's own. */
struct exchange_front {
    /* How the program satisfied itself who the peer is. False: it did not (no certificate). Asked
     * once, at the first vSphere request. */
    bool (*trust)(void *connection, struct trust *trust);
    /* "host:port" of the peer, for a request without a Host field; false if unknown. */
    bool (*peer_name)(void *connection, char *name, size_t size);
    /* Whether the program's thread may be held up for some seconds (a blocking socket). */
    bool (*may_wait)(void *connection);
    /* Whether an answer that was not on the wire can reach the program; false if, say, another
     * thread already sleeps in poll() on the descriptor. */
    bool (*may_answer)(void *connection);
    /* The origin has said something that a later program may be answered with: what is known of the
     * way to it is worth remembering. NULL: to nobody. */
    void (*heard)(void *connection, const struct endpoint *endpoint);
    /* Whether exchange_ask_again will be called: the head of the last request is kept for it. */
    bool asks_again;
    /* It connects only when something must go out, and says so (exchange_reached): a write's fence
     * is raised then, and never for one that cannot be sent. */
    bool connects_late;
};

struct exchange; /* opaque */

/* Nothing of vSphere traffic until its first bytes are recognised (http_recognise). NULL without
 * memory, or when VCACHE_DISABLE is set: pass. `front` must outlive it. */
struct exchange *exchange_new(const struct exchange_front *front, void *connection);

/* Ends it: what was under way is recorded as broken off. Safe on NULL. */
void exchange_free(struct exchange *exchange);

/*
 * The program writes `size` bytes. May block while another process asks the same (bounded, and only
 * if may_wait). errno is kept.
 */
enum exchange_verdict exchange_feed_request(struct exchange *exchange, const void *bytes,
                                            size_t size, bool *is_lost);

/* After FORWARD or PASS: the bytes to be sent; valid until exchange_sent or exchange_free. They may
 * differ from what the program wrote. */
struct span exchange_held(const struct exchange *exchange);
/* `size` bytes at the front of the held ones were sent. */
void exchange_sent(struct exchange *exchange, size_t size);

/* From a front that connects late: there is somebody to send to. Before any byte is sent. */
void exchange_reached(struct exchange *exchange);

/*
 * The connection died before any of the response came: whether the request may be sent again on a
 * new one; then exchange_held has it again, whole. Only a request that changes nothing at the
 * origin may, and that nothing was written after. Asked before exchange_feed_end.
 */
bool exchange_repeat(struct exchange *exchange);

/*
 * Bytes came from the origin; they are in the program's buffer already. Returns how many of them
 * the program may see: all, or none when they are held back. Then the front looks whether an answer
 * waits now, or something is due to be sent, and reads again if not. What is storable is stored
 * before this returns for the response's last byte.
 */
size_t exchange_feed_response(struct exchange *exchange, void *bytes, size_t size);
/* Whether what the origin sends next is held back: the program must not peek at it. */
bool exchange_holds_back(const struct exchange *exchange);
/* Whether the held bytes are to be sent now, though the program writes nothing. */
bool exchange_is_due(const struct exchange *exchange);
/* Whether that cannot be done over this connection, which ends with the response that was just
 * read: a new one must be had first, then exchange_reconnected. If there is none, the held bytes
 * are lost, and exchange_feed_end follows. */
bool exchange_needs_connection(const struct exchange *exchange);
void exchange_reconnected(struct exchange *exchange);

/* The origin closed (`is_clean`: close_notify) or reading failed for good. An answer may wait now:
 * what had been held back. */
void exchange_feed_end(struct exchange *exchange, bool is_clean);

/*
 * The program asks as in its last request, with another body. True: it is a read, what is stored
 * answers it, and the answer waits, as if the request had been fed. False: nothing has happened,
 * and it is to be fed. Never blocks.
 */
bool exchange_ask_again(struct exchange *exchange, struct span body);

/* Bytes of an answer that the program has not read yet; 0: none waits. */
size_t exchange_answer_size(const struct exchange *exchange);
/* Copies up to `size` bytes of the answer; `peek` leaves them waiting. */
size_t exchange_answer_read(struct exchange *exchange, void *bytes, size_t size, bool peek);
/* Of an answer that is one message, not read yet: its head, without its empty line, and its body,
 * lent until the answer is read, dropped or detached. False: it is another. */
bool exchange_answer_parts(const struct exchange *exchange, struct span *head, struct span *body);
/* Whether its bytes lie in the cache's file as they are, so that nothing in it is a secret. */
bool exchange_answer_is_stored(const struct exchange *exchange);
/* As if it were read to its end. */
void exchange_answer_drop(struct exchange *exchange);
/* The answer was read to its end and the program had asked for the connection to be closed after
 * it: to the program the peer has closed cleanly. */
bool exchange_is_at_end(const struct exchange *exchange);

/* The endpoint of the program's last vSphere request. */
const struct endpoint *exchange_endpoint(const struct exchange *exchange);
/* The port that the program named in its last vSphere request; 0: none. Another than the peer's
 * means that something lies between them (a proxy). */
unsigned exchange_port(const struct exchange *exchange);

/* Before fork: an answer that lies in the mapped file is copied out of it (see store_detach). */
void exchange_detach(struct exchange *exchange);

/* Whether `bytes` at the start of a connection may become a vSphere request: so that a front
 * allocates nothing for the others. Stateless. */
enum exchange_recognised { EXCHANGE_NOT_OURS, EXCHANGE_UNDECIDED, EXCHANGE_OURS };
enum exchange_recognised exchange_recognise(const void *bytes, size_t size);

#endif
