/* Answers: see answer.h. */
#include "exchange/answer.h"

#include <stdio.h>
#include <string.h>

static const struct span interim = SPAN_OF("HTTP/1.1 100 Continue\r\n\r\n");
static const struct span close_field = SPAN_OF("Connection: close\r\n");
static const struct span end_of_head = SPAN_OF("\r\n");

static void add(struct answer *answer, struct span piece)
{
    if (piece.size == 0 || answer->piece_count == ANSWER_PIECES)
        return;
    answer->pieces[answer->piece_count++] = piece;
    answer->size += piece.size;
}

static void add_message(struct answer *answer, struct span head, struct span body, bool closes)
{
    answer->closes = closes;
    add(answer, head);
    if (closes)
        add(answer, close_field);
    add(answer, end_of_head);
    add(answer, body);
}

static void begin(struct answer *answer)
{
    answer->piece_count = 0;
    answer->at = 0;
    answer->offset = 0;
    answer->size = 0;
    answer->closes = false;
}

void answer_interim(struct answer *answer)
{
    begin(answer);
    add(answer, interim);
}

/* An interim answer that the program has not read yet comes first. */
static void begin_after_interim(struct answer *answer)
{
    struct span rest = {0};
    if (answer->size > 0 && answer->pieces[answer->at].data >= interim.data &&
        answer->pieces[answer->at].data < interim.data + interim.size) {
        rest = answer->pieces[answer->at];
        rest.data += answer->offset;
        rest.size -= answer->offset;
    }
    begin(answer);
    add(answer, rest);
}

void answer_lent(struct answer *answer, const struct stored_response *lent, bool closes)
{
    begin_after_interim(answer);
    answer->lent = *lent;
    add_message(answer, lent->head, lent->body, closes);
}

void answer_own(struct answer *answer, bool closes)
{
    begin_after_interim(answer);
    add_message(answer, buffer_span(&answer->head), buffer_span(&answer->body), closes);
}

void answer_raw(struct answer *answer, struct buffer *bytes)
{
    begin_after_interim(answer);
    struct buffer before = answer->body;
    answer->body = *bytes;
    *bytes = before;
    add(answer, buffer_span(&answer->body));
}

bool answer_empty_response(struct answer *answer, const char *name, bool closes)
{
    char body[512];
    char head[256];
    int body_size = snprintf(
        body, sizeof(body),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\"\n"
        " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"\n"
        " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"\n"
        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"
        "<soapenv:Body>\n<%s xmlns=\"urn:vim25\"></%s>\n</soapenv:Body>\n</soapenv:Envelope>",
        name, name);
    int head_size = snprintf(head, sizeof(head),
                             "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\n"
                             "Content-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n",
                             body_size);
    buffer_clear(&answer->head);
    buffer_clear(&answer->body);
    if (body_size < 0 || (size_t)body_size >= sizeof(body) || head_size < 0 ||
        !buffer_append(&answer->head, head, (size_t)head_size) ||
        !buffer_append(&answer->body, body, (size_t)body_size))
        return false;
    answer_own(answer, closes);
    return true;
}

bool answer_parts(const struct answer *answer, struct span *head, struct span *body)
{
    enum { HEAD, END_OF_HEAD, BODY, PARTS };
    if (answer->piece_count != PARTS || answer->at > 0 || answer->offset > 0 ||
        answer->pieces[END_OF_HEAD].data != end_of_head.data)
        return false;
    *head = answer->pieces[HEAD];
    *body = answer->pieces[BODY];
    return true;
}

struct span answer_body(const struct answer *answer)
{
    return answer->lent.hold ? answer->lent.body : buffer_span(&answer->body);
}

static size_t copy_out(const struct answer *answer, uint8_t *to, size_t size, size_t *at,
                       size_t *offset)
{
    size_t copied = 0;
    while (copied < size && *at < answer->piece_count) {
        struct span piece = answer->pieces[*at];
        size_t part = piece.size - *offset;
        if (part > size - copied)
            part = size - copied;
        memcpy(to + copied, piece.data + *offset, part);
        copied += part;
        *offset += part;
        if (*offset == piece.size) {
            (*at)++;
            *offset = 0;
        }
    }
    return copied;
}

size_t answer_read(struct answer *answer, void *bytes, size_t size, bool peek)
{
    size_t at = answer->at;
    size_t offset = answer->offset;
    size_t copied = copy_out(answer, bytes, size, &at, &offset);
    if (peek)
        return copied;
    answer->at = at;
    answer->offset = offset;
    answer->size -= copied;
    if (answer->size == 0)
        answer_end(answer);
    return copied;
}

void answer_detach(struct answer *answer)
{
    struct span head = answer->lent.head;
    struct span body = answer->lent.body;
    if (!answer->lent.hold || store_detach(&answer->lent) != CACHE_OK)
        return;
    for (size_t i = 0; i < answer->piece_count; i++) {
        if (answer->pieces[i].data == head.data)
            answer->pieces[i].data = answer->lent.head.data;
        else if (answer->pieces[i].data == body.data)
            answer->pieces[i].data = answer->lent.body.data;
    }
}

void answer_end(struct answer *answer)
{
    store_release(&answer->lent);
    answer->size = 0;
    answer->piece_count = 0;
    answer->at = 0;
    answer->offset = 0;
}

void answer_free(struct answer *answer)
{
    answer_end(answer);
    buffer_wipe(&answer->head);
    buffer_wipe(&answer->body);
    buffer_free(&answer->head);
    buffer_free(&answer->body);
}
