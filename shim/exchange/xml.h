/*
 * XML: one document through expat, as handlers want it, stopped as soon as they know enough.
 *
 * Parsers are expensive to make, so one is kept for the next document of any thread. Whatever
 * passed through a parser's memory is wiped when that memory is freed; a parser that may hold a
 * secret is not kept (xml_end). Thread-safe; safe in a forked child.
 */
#ifndef VCACHE_EXCHANGE_XML_H
#define VCACHE_EXCHANGE_XML_H

#include "base/bytes.h"
#include "base/late.h"

/* In a name that expat hands over, this separates the namespace from the local name. No XML
 * document can contain it (XML 1.0, 2.2 Char), not even escaped. */
#define XML_SEPARATOR '\x01'

/* Elements deeper than this are refused by those who read SOAP. */
#define XML_DEPTH 64

/* What happens on the way; NULL where it is of no interest. A document type declaration ends the
 * reading as broken: SOAP forbids it (SOAP 1.1, 3). */
struct xml_handlers {
    XML_StartElementHandler start;
    XML_EndElementHandler end;
    XML_CharacterDataHandler text;
    XML_StartNamespaceDeclHandler namespace_start;
    XML_EndNamespaceDeclHandler namespace_end;
};

/* A reading under way. Handlers get a pointer to it, and find their own state around it: it must be
 * the first member of their struct. */
struct xml_reading {
    const struct late_expat *expat;
    XML_Parser parser;
    bool is_stopped; /* expat may still report an element's end after a stop: handlers look here */
};

enum xml_outcome {
    XML_WHOLE,    /* well-formed, read to its end */
    XML_STOPPED,  /* by xml_stop */
    XML_BROKEN,   /* not well-formed, or not what is read here */
    XML_NO_MEANS, /* no memory or no expat */
};

/*
 * Reads `document`, handing it to expat in pieces: the first of `first_piece` bytes, each later one
 * twice as long, so that what lies behind a stop is mostly not looked at. 0: in one piece.
 */
enum xml_outcome xml_read(struct xml_reading *reading, const struct xml_handlers *handlers,
                          struct span document, size_t first_piece);

/* For handlers: enough is known. */
void xml_stop(struct xml_reading *reading);

/* For handlers of an element's start or end: where in the document its tag lies. */
struct span xml_tag(const struct xml_reading *reading, struct span document);

/* After xml_read, always. `may_keep`: nothing secret was in the document. */
void xml_end(struct xml_reading *reading, bool may_keep);

/* The part of an expanded name behind the namespace. */
const char *xml_local_name(const char *name);

#endif
