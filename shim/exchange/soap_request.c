/* SOAP requests: see soap.h. One pass: the canonical form is written while the envelope, the
 * operation's own parameters and the objects it names are picked out. */
#include "exchange/canonical.h"
#include "exchange/operation.h"
#include "exchange/property_read.h"
#include "exchange/secret.h"
#include "exchange/soap_parts.h"

#include <string.h>

#define SOAP_NAMESPACE "http://schemas.xmlsoap.org/soap/envelope/"
#define SOAP_ENVELOPE                                                                              \
    SOAP_NAMESPACE "\x01"                                                                          \
                   "Envelope"
#define SOAP_HEADER                                                                                \
    SOAP_NAMESPACE "\x01"                                                                          \
                   "Header"
#define SOAP_BODY                                                                                  \
    SOAP_NAMESPACE "\x01"                                                                          \
                   "Body"

struct request_reading {
    struct xml_reading xml; /* first: see xml.h */
    struct soap_request *request;
    struct canonical canonical;
    struct property_read properties;
    size_t depth;
    bool is_in_header, has_header, has_body, is_login, is_page;
    uint64_t is_object; /* bit n: the element at depth n has a plain `type` attribute */
};

_Static_assert(XML_DEPTH <= 64, "is_object has a bit for every depth");

static void refuse(struct request_reading *r)
{
    r->canonical.is_refused = true;
    xml_stop(&r->xml);
}

static bool envelope_starts(struct request_reading *r, const char *name)
{
    if (r->depth == DEPTH_ENVELOPE)
        return strcmp(name, SOAP_ENVELOPE) == 0;
    if (strcmp(name, SOAP_HEADER) == 0 && !r->has_header && !r->has_body) {
        r->is_in_header = r->has_header = true;
        return true;
    }
    if (strcmp(name, SOAP_BODY) == 0 && !r->has_body) {
        r->has_body = true;
        return true;
    }
    return false;
}

static bool operation_starts(struct request_reading *r, const char *name)
{
    const char *local = xml_local_name(name);
    size_t size = strlen(local);
    if (r->request->operation[0] != '\0' || size >= SOAP_NAME_SIZE)
        return false;
    memcpy(r->request->operation, local, size + 1);
    r->is_login = strcmp(local, "Login") == 0;
    r->is_page = strcmp(local, "ContinueRetrievePropertiesEx") == 0 ||
                 strcmp(local, "CancelRetrievePropertiesEx") == 0;
    property_read_begin(&r->properties, local);
    return true;
}

static const char *plain_type(const char **attributes)
{
    for (; *attributes; attributes += 2)
        if (strcmp(attributes[0], "type") == 0)
            return attributes[1];
    return NULL;
}

static void below_operation_starts(struct request_reading *r, const char *name,
                                   const char **attributes)
{
    const char *type = plain_type(attributes);
    const uint64_t bit = UINT64_C(1) << (r->depth - 1);
    r->is_object = type ? r->is_object | bit : r->is_object & ~bit;
    property_read_start(&r->properties, r->depth - DEPTH_OPERATION, xml_local_name(name), type);
}

static void element_starts(void *reading, const char *name, const char **attributes)
{
    struct request_reading *r = reading;
    if (r->xml.is_stopped)
        return;
    bool is_fit = ++r->depth <= XML_DEPTH;
    if (is_fit && r->depth <= DEPTH_BODY)
        is_fit = envelope_starts(r, name);
    else if (is_fit && !r->is_in_header && r->depth == DEPTH_OPERATION)
        is_fit = operation_starts(r, name);
    if (!is_fit) {
        refuse(r);
        return;
    }
    if (r->is_in_header)
        return;
    if (r->depth > DEPTH_OPERATION)
        below_operation_starts(r, name, attributes);
    canonical_start(&r->canonical, name, attributes);
    if (r->canonical.is_refused)
        xml_stop(&r->xml);
}

static void text_comes(void *reading, const char *text, int size)
{
    struct request_reading *r = reading;
    if (!r->xml.is_stopped && !r->is_in_header)
        canonical_text(&r->canonical, text, (size_t)size);
}

/* ---- ends -------------------------------------------------------------------------------- */

static void keep(struct request_reading *r, struct buffer *copy, struct span text)
{
    /* Two of a name: which one counts is the origin's to say. */
    if (copy->data || !secret_reserve(copy, text.size + 1))
        refuse(r);
    else
        secret_append(copy, text.data, text.size);
}

static void parameter_ended(struct request_reading *r, const char *local, struct span text)
{
    if (strcmp(local, "_this") == 0)
        keep(r, &r->request->self, text);
    else if (r->is_login && strcmp(local, "userName") == 0)
        keep(r, &r->request->user, text);
    else if (r->is_login && strcmp(local, "password") == 0)
        keep(r, &r->request->password, text);
    else if (r->is_login && strcmp(local, "locale") == 0)
        keep(r, &r->request->locale, text);
    else if (r->is_page && strcmp(local, "token") == 0)
        keep(r, &r->request->token, text);
}

static void object_named(struct request_reading *r, struct span name)
{
    struct soap_request *q = r->request;
    if (q->is_object_list_cut)
        return;
    for (size_t i = 0; i < q->object_count; i++) {
        struct span known = {q->object_names.data + q->objects[i].at, q->objects[i].size};
        if (span_equal(known, name))
            return;
    }
    if (q->object_count == SOAP_OBJECTS) {
        q->is_object_list_cut = true;
        return;
    }
    size_t at = q->object_names.size;
    if (!secret_append(&q->object_names, name.data, name.size)) {
        refuse(r);
        return;
    }
    q->objects[q->object_count].at = at;
    q->objects[q->object_count].size = name.size;
    q->object_count++;
}

static void below_operation_ended(struct request_reading *r, const char *name, struct span text)
{
    property_read_end(&r->properties, r->depth - DEPTH_OPERATION, text);
    if (!text.data)
        return;
    if (r->depth == DEPTH_PARAMETER)
        parameter_ended(r, xml_local_name(name), text);
    if (text.size > 0 && (r->is_object >> (r->depth - 1) & 1) != 0)
        object_named(r, text);
}

static void element_ends(void *reading, const char *name)
{
    struct request_reading *r = reading;
    if (r->xml.is_stopped)
        return;
    if (!r->is_in_header) {
        struct span text = canonical_end(&r->canonical);
        if (r->depth > DEPTH_OPERATION && !r->canonical.is_refused)
            below_operation_ended(r, name, text);
        if (r->canonical.is_refused)
            xml_stop(&r->xml);
    } else if (r->depth == DEPTH_BODY) {
        r->is_in_header = false;
    }
    r->depth--;
}

static void namespace_starts(void *reading, const char *prefix, const char *uri)
{
    struct request_reading *r = reading;
    canonical_declare(&r->canonical, prefix, uri);
}

static void namespace_ends(void *reading, const char *prefix)
{
    (void)prefix;
    struct request_reading *r = reading;
    canonical_undeclare(&r->canonical);
}

bool soap_may_be_secret(struct span operation)
{
    const struct operation *found = operation_find(operation);
    switch (found ? found->class : OPERATION_UNKNOWN) {
    case OPERATION_READ:
    case OPERATION_PROPERTY_READ:
    case OPERATION_PAGE:
    case OPERATION_VIEW:
    case OPERATION_DESTROY_VIEW:
        return false;
    default:
        return true;
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

static const struct xml_handlers handlers = {
    .start = element_starts,
    .end = element_ends,
    .text = text_comes,
    .namespace_start = namespace_starts,
    .namespace_end = namespace_ends,
};

bool soap_read_request(struct span body, struct soap_request *request)
{
    struct request_reading r; /* member by member: most of it is the canonical form's levels */
    r.request = request;
    property_read_begin(&r.properties, "");
    r.depth = 0;
    r.is_in_header = r.has_header = r.has_body = r.is_login = r.is_page = false;
    r.is_object = 0;
    canonical_begin(&r.canonical, &request->canonical, body.size);

    enum xml_outcome outcome = xml_read(&r.xml, &handlers, body, 0);
    request->is_understood =
        outcome == XML_WHOLE && !r.canonical.is_refused && request->operation[0] != '\0';
    if (request->is_understood) {
        request->is_live = r.properties.is_live;
        request->is_current_session = property_read_is_current_session(&r.properties);
    }
    xml_end(&r.xml,
            request->is_understood && !soap_may_be_secret(span_of_text(request->operation)));
    canonical_free(&r.canonical);
    return outcome != XML_NO_MEANS && !request->canonical.failed;
}

void soap_request_free(struct soap_request *request)
{
    /* Nothing was read, or not so far that anything else could be there. */
    if (!request->operation[0] && !request->canonical.data)
        return;
    secret_free(&request->canonical);
    secret_free(&request->self);
    secret_free(&request->user);
    secret_free(&request->password);
    secret_free(&request->locale);
    secret_free(&request->token);
    secret_free(&request->object_names);
    *request = (struct soap_request){0};
}
