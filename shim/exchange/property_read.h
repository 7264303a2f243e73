/*
 * Property reads: whether a RetrieveProperties, RetrievePropertiesEx or Fetch reads something live
 * (DESIGN, section 6), found out while the request streams by. No allocation, no errors; what
 * cannot be told is live.
 */
#ifndef VCACHE_EXCHANGE_PROPERTY_READ_H
#define VCACHE_EXCHANGE_PROPERTY_READ_H

#include "base/bytes.h"
#include "exchange/xml.h"

/* property_read_begin makes it ready. */
struct property_read {
    enum { PROPERTY_READ_NONE, PROPERTY_READ_BY_SPEC, PROPERTY_READ_FETCH } form;
    bool is_live;
    /* What the reading of SessionManager.currentSession alone has one of each of: */
    unsigned spec_sets, property_specs, object_specs, types, objects, paths;
    bool has_more;               /* something that it has none of */
    uint8_t elements[XML_DEPTH]; /* what is open at each depth: enum property_element */
};

void property_read_begin(struct property_read *read, const char *operation);

/* An element below the operation starts: `depth` 1 is its child, and is below XML_DEPTH. `type` is
 * its plain `type` attribute, or NULL. */
void property_read_start(struct property_read *read, size_t depth, const char *local_name,
                         const char *type);

/* It ends; `text.data` is NULL if it had children. */
void property_read_end(struct property_read *read, size_t depth, struct span text);

/* At the end: whether it reads SessionManager.currentSession and nothing else. */
bool property_read_is_current_session(const struct property_read *read);

#endif
