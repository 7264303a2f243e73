/* SOAP responses, looked into for what the origin calls itself. See soap.h. */
#include "exchange/soap_parts.h"

#include <string.h>

enum { DEPTH_ABOUT = 5, DEPTH_UUID = 6 };

struct origin_reading {
    struct xml_reading xml; /* first: see xml.h */
    struct buffer *uuid;
    size_t depth;
    bool is_in_returnval, is_in_about, is_in_uuid;
    bool is_found; /* a whole `about` */
};

static bool is_named(const char *name, const char *local)
{
    return strcmp(xml_local_name(name), local) == 0;
}

static void origin_element_starts(void *reading, const char *name, const char **attributes)
{
    (void)attributes;
    struct origin_reading *r = reading;
    if (++r->depth > XML_DEPTH)
        xml_stop(&r->xml);
    else if (r->depth == DEPTH_PARAMETER)
        r->is_in_returnval = is_named(name, "returnval");
    else if (r->depth == DEPTH_ABOUT)
        r->is_in_about = r->is_in_returnval && is_named(name, "about");
    else if (r->depth == DEPTH_UUID)
        r->is_in_uuid = r->is_in_about && is_named(name, "instanceUuid");
}

static void origin_text_comes(void *reading, const char *text, int size)
{
    struct origin_reading *r = reading;
    if (r->is_in_uuid && r->depth == DEPTH_UUID && !r->xml.is_stopped)
        buffer_append(r->uuid, text, (size_t)size);
}

static void origin_element_ends(void *reading, const char *name)
{
    (void)name;
    struct origin_reading *r = reading;
    if (r->is_in_about && r->depth == DEPTH_ABOUT && !r->xml.is_stopped) {
        r->is_found = true;
        xml_stop(&r->xml);
    }
    r->depth--;
}

bool soap_read_origin(struct span body, struct buffer *uuid)
{
    static const struct xml_handlers handlers = {
        .start = origin_element_starts,
        .end = origin_element_ends,
        .text = origin_text_comes,
    };
    struct origin_reading r = {.uuid = uuid};
    xml_read(&r.xml, &handlers, body, 0);
    xml_end(&r.xml, true);
    return r.is_found && !uuid->failed;
}
