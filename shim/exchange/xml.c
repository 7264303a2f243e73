/* XML: see xml.h. */
#include "exchange/xml.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A parser that has read more than this has grown buffers that are not worth keeping. */
#define KEPT_DOCUMENT_SIZE ((size_t)64 * 1024)

/* The parser that is kept, or NULL. Taken and put back by exchange: no lock that a fork could leave
 * held. */
static _Atomic(XML_Parser) kept_parser;

/* Chosen once: expat would ask the kernel for one at every document. */
static atomic_ulong hash_salt;

/* ---- memory that is wiped: a block is preceded by its size ------------------------------- */

union block {
    size_t size;
    max_align_t alignment;
};

static void *wiping_malloc(size_t size)
{
    size_t whole;
    union block *block =
        __builtin_add_overflow(size, sizeof(*block), &whole) ? NULL : malloc(whole);
    if (!block)
        return NULL;
    block->size = size;
    return block + 1;
}

static void wiping_free(void *memory)
{
    if (!memory)
        return;
    union block *block = (union block *)memory - 1;
    explicit_bzero(memory, block->size);
    free(block);
}

static void *wiping_realloc(void *memory, size_t size)
{
    void *moved = wiping_malloc(size);
    if (!moved || !memory)
        return moved;
    size_t old = ((union block *)memory - 1)->size;
    memcpy(moved, memory, old < size ? old : size);
    wiping_free(memory);
    return moved;
}

static const XML_Memory_Handling_Suite wiping_suite = {wiping_malloc, wiping_realloc, wiping_free};

/* ---- parsers ----------------------------------------------------------------------------- */

static unsigned long salt(void)
{
    unsigned long value = atomic_load(&hash_salt);
    if (value == 0 && getrandom(&value, sizeof(value), GRND_NONBLOCK) == (ssize_t)sizeof(value))
        atomic_store(&hash_salt, value);
    return value;
}

static XML_Parser parser_take(const struct late_expat *expat)
{
    static const XML_Char separator[] = {XML_SEPARATOR, '\0'};

    XML_Parser parser = atomic_exchange(&kept_parser, NULL);
    if (parser && !expat->XML_ParserReset(parser, NULL)) {
        expat->XML_ParserFree(parser);
        parser = NULL;
    }
    if (!parser)
        parser = expat->XML_ParserCreate_MM(NULL, &wiping_suite, separator);
    if (parser)
        expat->XML_SetHashSalt(parser, salt());
    return parser;
}

static void parser_put(const struct late_expat *expat, XML_Parser parser)
{
    parser = atomic_exchange(&kept_parser, parser);
    if (parser)
        expat->XML_ParserFree(parser);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void refuse_doctype(void *reading, const XML_Char *name, const XML_Char *system_id,
                           const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    struct xml_reading *r = reading;
    r->expat->XML_StopParser(r->parser, XML_FALSE);
}

static void install(struct xml_reading *r, const struct xml_handlers *handlers)
{
    r->expat->XML_SetUserData(r->parser, r);
    r->expat->XML_SetElementHandler(r->parser, handlers->start, handlers->end);
    r->expat->XML_SetCharacterDataHandler(r->parser, handlers->text);
    r->expat->XML_SetNamespaceDeclHandler(r->parser, handlers->namespace_start,
                                          handlers->namespace_end);
    r->expat->XML_SetStartDoctypeDeclHandler(r->parser, refuse_doctype);
}

static enum xml_outcome parse(struct xml_reading *r, struct span document, size_t piece)
{
    const char *at = (const char *)document.data;
    size_t left = document.size;
    for (;; piece *= 2) {
        if (piece == 0 || piece > left)
            piece = left;
        bool is_last = piece == left;
        if (r->expat->XML_Parse(r->parser, at, (int)piece, is_last) != XML_STATUS_OK)
            break;
        if (is_last)
            return XML_WHOLE;
        at += piece;
        left -= piece;
    }
    if (r->is_stopped)
        return XML_STOPPED;
    bool is_memory = r->expat->XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY;
    return is_memory ? XML_NO_MEANS : XML_BROKEN;
}

enum xml_outcome xml_read(struct xml_reading *reading, const struct xml_handlers *handlers,
                          struct span document, size_t first_piece)
{
    reading->parser = NULL;
    reading->is_stopped = false;
    if (document.size == 0 || document.size > INT_MAX / 2)
        return XML_BROKEN;
    reading->expat = late_expat();
    if (!reading->expat)
        return XML_NO_MEANS;
    reading->parser = parser_take(reading->expat);
    if (!reading->parser)
        return XML_NO_MEANS;
    install(reading, handlers);
    enum xml_outcome outcome = parse(reading, document, first_piece);
    bool is_fit = outcome == XML_WHOLE || outcome == XML_STOPPED;
    if (!is_fit || document.size > KEPT_DOCUMENT_SIZE) {
        reading->expat->XML_ParserFree(reading->parser);
        reading->parser = NULL;
    }
    return outcome;
}

void xml_stop(struct xml_reading *reading)
{
    if (reading->is_stopped)
        return;
    reading->is_stopped = true;
    reading->expat->XML_StopParser(reading->parser, XML_FALSE);
}

struct span xml_tag(const struct xml_reading *reading, struct span document)
{
    XML_Index at = reading->expat->XML_GetCurrentByteIndex(reading->parser);
    int size = reading->expat->XML_GetCurrentByteCount(reading->parser);
    if (at < 0 || size < 0 || (size_t)at > document.size ||
        (size_t)size > document.size - (size_t)at)
        return (struct span){document.data, 0};
    return (struct span){document.data + at, (size_t)size};
}

void xml_end(struct xml_reading *reading, bool may_keep)
{
    if (!reading->parser)
        return;
    if (may_keep)
        parser_put(reading->expat, reading->parser);
    else
        reading->expat->XML_ParserFree(reading->parser);
    reading->parser = NULL;
}

const char *xml_local_name(const char *name)
{
    const char *separator = strchr(name, XML_SEPARATOR);
    return separator ? separator + 1 : name;
}
