/* SOAP responses: see soap.h. Only the beginning is parsed; of the rest, the last bytes are looked
 * at. */
#include "exchange/operation.h"
#include "exchange/secret.h"
#include "exchange/soap_parts.h"

#include <string.h>

#define FIRST_PIECE 2048
#define REFERENCE_SIZE 1024 /* longer text is not a reference to an object */

struct response_reading {
    struct xml_reading xml; /* first: see xml.h */
    struct soap_response *response;
    struct span body;
    size_t depth;
    bool is_in_header;
    bool is_in_token;
    bool has_name; /* of an Envelope's Body's first element */
    bool is_long;  /* returnval's text is no reference */
};

static bool is_named(const char *name, const char *local)
{
    return strcmp(xml_local_name(name), local) == 0;
}

/* False where the name does not fit. */
static bool copy_name(char copy[SOAP_NAME_SIZE], const char *name)
{
    size_t size = strlen(name);
    if (size >= SOAP_NAME_SIZE)
        return false;
    memcpy(copy, name, size + 1);
    return true;
}

static void body_child_starts(struct response_reading *r, const char *name)
{
    struct soap_response *response = r->response;
    r->has_name = copy_name(response->name, xml_local_name(name));
    response->is_fault = is_named(name, "Fault");
    if (response->is_fault || !r->has_name)
        xml_stop(&r->xml);
}

static void returnval_starts(struct response_reading *r, const char **attributes)
{
    struct soap_response *response = r->response;
    response->has_returnval = true;
    for (; *attributes; attributes += 2)
        if (strcmp(attributes[0], "type") == 0)
            copy_name(response->returnval_type, attributes[1]);
}

static void parameter_starts(struct response_reading *r, const char *name, const char **attributes)
{
    r->response->is_empty = true;
    if (is_named(name, "returnval"))
        returnval_starts(r, attributes);
    else
        xml_stop(&r->xml);
}

/* The first child of returnval: now all is known, but for the text of a token. */
static void child_starts(struct response_reading *r, const char *name)
{
    r->response->has_token = is_named(name, "token");
    r->response->is_empty = false;
    secret_free(&r->response->returnval);
    if (r->response->has_token) {
        struct span tag = xml_tag(&r->xml, r->body);
        r->response->token_at = (size_t)(tag.data + tag.size - r->body.data);
        r->is_in_token = true;
    } else {
        xml_stop(&r->xml);
    }
}

/* Of a token that has children nothing more is known. */
static void token_child_starts(struct response_reading *r)
{
    secret_free(&r->response->token);
    xml_stop(&r->xml);
}

/* A document in an encoding of two bytes a letter has other bytes around the text. */
static void token_ends(struct response_reading *r)
{
    struct soap_response *response = r->response;
    struct span tag = xml_tag(&r->xml, r->body);
    size_t end = (size_t)(tag.data - r->body.data);
    bool is_plain = tag.size > 2 && memcmp(tag.data, "</", 2) == 0 && end > response->token_at &&
                    r->body.data[response->token_at - 1] == '>';
    response->token_size = is_plain ? end - response->token_at : 0;
    xml_stop(&r->xml);
}

static void token_text_comes(struct response_reading *r, struct span more)
{
    struct buffer *token = &r->response->token;
    if (token->size + more.size <= REFERENCE_SIZE)
        secret_append(token, more.data, more.size);
    else
        token_child_starts(r);
}

static bool envelope_starts(struct response_reading *r, const char *name)
{
    if (r->depth == DEPTH_ENVELOPE)
        return is_named(name, "Envelope");
    r->is_in_header = is_named(name, "Header");
    return r->is_in_header || is_named(name, "Body");
}

static void element_starts(void *reading, const char *name, const char **attributes)
{
    struct response_reading *r = reading;
    if (r->xml.is_stopped)
        return;
    if (++r->depth > XML_DEPTH || (r->depth <= DEPTH_BODY && !envelope_starts(r, name)))
        xml_stop(&r->xml);
    else if (r->is_in_header || r->depth <= DEPTH_BODY)
        return;
    else if (r->depth == DEPTH_OPERATION)
        body_child_starts(r, name);
    else if (r->depth == DEPTH_PARAMETER)
        parameter_starts(r, name, attributes);
    else if (r->is_in_token)
        token_child_starts(r);
    else
        child_starts(r, name);
}

static bool is_white(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\0' || !strchr(" \t\r\n", text.data[i]))
            return false;
    return true;
}

static void text_comes(void *reading, const char *text, int size)
{
    struct response_reading *r = reading;
    struct span more = {(const uint8_t *)text, (size_t)size};
    if (!r->xml.is_stopped && r->is_in_token)
        token_text_comes(r, more);
    if (r->xml.is_stopped || r->is_in_header || r->depth != DEPTH_PARAMETER)
        return;
    struct buffer *returnval = &r->response->returnval;
    if (!is_white(more))
        r->response->is_empty = false;
    if (returnval->size + more.size <= REFERENCE_SIZE) {
        secret_append(returnval, more.data, more.size);
        return;
    }
    /* Too long for a reference. White space may still be before a child; other text is a value. */
    r->is_long = true;
    if (!r->response->is_empty)
        xml_stop(&r->xml);
}

/* The end of returnval, or of a response without one. */
static void element_ends(void *reading, const char *name)
{
    (void)name;
    struct response_reading *r = reading;
    if (r->xml.is_stopped)
        return;
    if (r->depth == DEPTH_BODY)
        r->is_in_header = false;
    else if (r->is_in_token)
        token_ends(r);
    else if (!r->is_in_header && r->depth >= DEPTH_OPERATION)
        xml_stop(&r->xml);
    r->depth--;
}

/* Whether the last thing in `body` is the end tag of an Envelope: a body cut short has none. */
static bool ends_with_envelope(struct span body)
{
    static const char name[] = "Envelope";
    while (body.size > 0 && is_white((struct span){body.data + body.size - 1, 1}))
        body.size--;
    const uint8_t *tag = body.size > 0 ? memrchr(body.data, '<', body.size) : NULL;
    if (!tag || body.data[body.size - 1] != '>')
        return false;
    struct span inside = {tag + 1, (size_t)(body.data + body.size - 1 - (tag + 1))};
    while (inside.size > 0 && is_white((struct span){inside.data + inside.size - 1, 1}))
        inside.size--;
    const size_t size = sizeof(name) - 1;
    if (inside.size < size + 1 || inside.data[0] != '/')
        return false;
    const uint8_t *local = inside.data + inside.size - size;
    return memcmp(local, name, size) == 0 && (local[-1] == '/' || local[-1] == ':');
}

static bool may_keep_parser(const char *name)
{
    static const char suffix[] = "Response";
    struct span operation = span_of_text(name);
    if (operation.size < sizeof(suffix) - 1)
        return false;
    operation.size -= sizeof(suffix) - 1;
    return !soap_may_be_secret(operation);
}

static const struct xml_handlers handlers = {
    .start = element_starts,
    .end = element_ends,
    .text = text_comes,
};

bool soap_read_response(struct span body, struct soap_response *response)
{
    *response = (struct soap_response){.is_empty = true};
    struct response_reading r = {.response = response, .body = body};
    enum xml_outcome outcome = xml_read(&r.xml, &handlers, body, FIRST_PIECE);
    xml_end(&r.xml, may_keep_parser(response->name));
    bool is_read = outcome == XML_WHOLE || outcome == XML_STOPPED;
    bool is_failed = response->returnval.failed || response->token.failed;
    response->is_understood = is_read && !is_failed && r.has_name && ends_with_envelope(body);
    if (r.is_long || !response->is_understood)
        secret_free(&response->returnval);
    if (!response->is_understood)
        secret_free(&response->token);
    return outcome != XML_NO_MEANS && !is_failed;
}

void soap_response_free(struct soap_response *response)
{
    secret_free(&response->returnval);
    secret_free(&response->token);
    *response = (struct soap_response){0};
}
