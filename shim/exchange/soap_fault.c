/* SOAP responses, looked into for one thing: whether it is a certain fault, and the text of one
 * child of returnval. See soap.h. */
#include "exchange/soap_parts.h"

#include <string.h>

#define XSI_TYPE "http://www.w3.org/2001/XMLSchema-instance\x01type"

enum { DEPTH_FAULT_CAUSE = 5, DEPTH_CHILD = 5 };

/* ---- a fault's type ---------------------------------------------------------------------- */

struct fault_reading {
    struct xml_reading xml; /* first: see xml.h */
    const char *type;
    size_t depth;
    bool is_fault, is_in_detail, is_of_type;
};

/* <NotAuthenticatedFault>. */
static bool is_named_after(const char *element, const char *type)
{
    size_t size = strlen(type);
    return strncmp(element, type, size) == 0 && strcmp(element + size, "Fault") == 0;
}

static bool is_type(const char **attributes, const char *type)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(attributes[0], XSI_TYPE) != 0)
            continue;
        const char *colon = strchr(attributes[1], ':');
        return strcmp(colon ? colon + 1 : attributes[1], type) == 0;
    }
    return false;
}

static void fault_element_starts(void *reading, const char *name, const char **attributes)
{
    struct fault_reading *r = reading;
    if (r->xml.is_stopped)
        return;
    const char *local = xml_local_name(name);
    if (++r->depth == DEPTH_OPERATION) {
        r->is_fault = strcmp(local, "Fault") == 0;
        if (!r->is_fault)
            xml_stop(&r->xml);
    } else if (r->depth == DEPTH_PARAMETER) {
        r->is_in_detail = strcmp(local, "detail") == 0;
    } else if (r->depth == DEPTH_FAULT_CAUSE && r->is_in_detail) {
        r->is_of_type = is_named_after(local, r->type) || is_type(attributes, r->type);
        xml_stop(&r->xml);
    } else if (r->depth > XML_DEPTH) {
        xml_stop(&r->xml);
    }
}

static void fault_element_ends(void *reading, const char *name)
{
    (void)name;
    struct fault_reading *r = reading;
    r->depth--;
}

bool soap_is_fault(struct span body, const char *type)
{
    static const struct xml_handlers handlers = {
        .start = fault_element_starts,
        .end = fault_element_ends,
    };
    struct fault_reading r = {.type = type};
    xml_read(&r.xml, &handlers, body, 1024);
    xml_end(&r.xml, false);
    return r.is_of_type;
}

/* ---- a child of returnval ---------------------------------------------------------------- */

struct child_reading {
    struct xml_reading xml; /* first: see xml.h */
    const char *name;
    struct buffer *text;
    size_t depth;
    bool is_in_returnval, is_in_child, is_found;
};

static void child_element_starts(void *reading, const char *name, const char **attributes)
{
    (void)attributes;
    struct child_reading *r = reading;
    if (++r->depth > XML_DEPTH)
        xml_stop(&r->xml);
    else if (r->depth == DEPTH_PARAMETER)
        r->is_in_returnval = strcmp(xml_local_name(name), "returnval") == 0;
    else if (r->depth == DEPTH_CHILD && r->is_in_returnval)
        r->is_in_child = strcmp(xml_local_name(name), r->name) == 0;
}

static void child_text_comes(void *reading, const char *text, int size)
{
    struct child_reading *r = reading;
    if (r->is_in_child && r->depth == DEPTH_CHILD && !r->xml.is_stopped)
        buffer_append(r->text, text, (size_t)size);
}

static void child_element_ends(void *reading, const char *name)
{
    (void)name;
    struct child_reading *r = reading;
    if (r->is_in_child && r->depth == DEPTH_CHILD && !r->xml.is_stopped) {
        r->is_found = true;
        xml_stop(&r->xml);
    }
    r->depth--;
}

bool soap_find_child(struct span body, const char *name, struct buffer *text)
{
    static const struct xml_handlers handlers = {
        .start = child_element_starts,
        .end = child_element_ends,
        .text = child_text_comes,
    };
    struct child_reading r = {.name = name, .text = text};
    const size_t size = text->size;
    xml_read(&r.xml, &handlers, body, 0);
    xml_end(&r.xml, false);
    if (!r.is_found)
        text->size = size;
    return r.is_found && !text->failed;
}
