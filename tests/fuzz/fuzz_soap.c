/*
 * SOAP requests under libFuzzer. The canonical form of a request that is understood is written out
 * as XML again, in another dress: other prefixes, white space between elements, a Header, versionId
 * attributes. It must be understood and have the same canonical form. So the form says all that the
 * request said, and nothing in it can be taken for something else.
 */
#include "exchange/soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XML_NAMESPACE "http://www.w3.org/XML/1998/namespace"
#define SOAP_NAMESPACE "http://schemas.xmlsoap.org/soap/envelope/"

/* The parts of the form (canonical.h). */
enum {
    SEPARATOR = 1,
    ELEMENT_START = 2,
    CONTENT_START = 3,
    ELEMENT_END = 4,
    ATTRIBUTE_NAME = 5,
    ATTRIBUTE_VALUE = 6,
    EXPANDED = 7,
    UNDECLARED = 8,
};

/* Deeper ones would have more namespace declarations in force than are read. */
#define DRESSED_DEPTH 10
#define DRESSED_ATTRIBUTES 3

struct dress {
    struct span form;
    size_t at;
    struct buffer xml;
    size_t depth, deepest, most_attributes;
};

static void require(bool statement)
{
    if (!statement)
        abort();
}

static uint8_t next(const struct dress *d)
{
    require(d->at < d->form.size);
    return d->form.data[d->at];
}

/* The bytes up to the next part. */
static struct span take(struct dress *d)
{
    size_t start = d->at;
    while (d->at < d->form.size && (d->form.data[d->at] == SEPARATOR || d->form.data[d->at] > 8))
        d->at++;
    return (struct span){d->form.data + start, d->at - start};
}

static void put(struct dress *d, const char *text)
{
    buffer_append_text(&d->xml, text);
}

static void put_escaped(struct dress *d, struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        char escaped[16];
        if (strchr("&<>\"'\r\n\t", text.data[i])) {
            snprintf(escaped, sizeof(escaped), "&#%d;", text.data[i]);
            put(d, escaped);
        } else {
            buffer_append(&d->xml, text.data + i, 1);
        }
    }
}

/* A name in its two parts: the namespace is empty if it has none. */
static struct span local_of(struct span name, struct span *uri)
{
    const uint8_t *separator = name.size ? memchr(name.data, SEPARATOR, name.size) : NULL;
    if (!separator) {
        *uri = (struct span){0};
        return name;
    }
    *uri = (struct span){name.data, (size_t)(separator - name.data)};
    return (struct span){separator + 1, name.size - uri->size - 1};
}

/* " xmlns:PREFIX='URI'", unless it is the one that is always declared. */
static const char *declare(struct dress *d, const char *prefix, struct span uri)
{
    if (span_equal(uri, SPAN_OF(XML_NAMESPACE)))
        return "xml";
    put(d, " xmlns:");
    put(d, prefix);
    put(d, "='");
    put_escaped(d, uri);
    put(d, "'");
    return prefix;
}

static void put_name(struct dress *d, const char *prefix, struct span local)
{
    put(d, prefix);
    put(d, prefix[0] ? ":" : "");
    buffer_append_span(&d->xml, local);
}

static void put_type(struct dress *d)
{
    bool is_expanded = next(d) == EXPANDED;
    d->at++;
    struct span value = take(d);
    struct span uri = {0};
    struct span local = is_expanded ? local_of(value, &uri) : value;
    const char *prefix = uri.size ? declare(d, "ty_", uri) : "";
    put(d, " xmlns:xs_='http://www.w3.org/2001/XMLSchema-instance' xs_:type='");
    put(d, prefix);
    put(d, uri.size ? ":" : "");
    put_escaped(d, local);
    put(d, "'");
}

static void put_attribute(struct dress *d, size_t index)
{
    char own[16];
    snprintf(own, sizeof(own), "at%zu_", index);
    d->at++;
    struct span uri, local = local_of(take(d), &uri);
    require(next(d) == ATTRIBUTE_VALUE);
    d->at++;
    if (d->at < d->form.size && (next(d) == EXPANDED || next(d) == UNDECLARED)) {
        put_type(d);
        return;
    }
    const char *prefix = uri.size ? declare(d, own, uri) : "";
    put(d, " ");
    put_name(d, prefix, local);
    put(d, "=\"");
    put_escaped(d, take(d));
    put(d, "\"");
}

static void put_element(struct dress *d);

/* Text alone, or elements with white space where there is no text between them. */
static void put_content(struct dress *d)
{
    struct span rest = {d->form.data + d->at, d->form.size - d->at};
    const uint8_t *start = memchr(rest.data, ELEMENT_START, rest.size);
    const uint8_t *end = memchr(rest.data, ELEMENT_END, rest.size);
    bool has_children = start && start < end;
    for (;;) {
        struct span text = take(d);
        put_escaped(d, text);
        if (has_children && text.size == 0)
            put(d, "\r\n\t ");
        if (next(d) != ELEMENT_START)
            break;
        put_element(d);
    }
}

static void put_element(struct dress *d)
{
    require(next(d) == ELEMENT_START);
    d->at++;
    struct span uri, local = local_of(take(d), &uri);
    char own[24];
    snprintf(own, sizeof(own), "el%zu_", d->depth);
    const char *prefix = span_equal(uri, SPAN_OF(XML_NAMESPACE)) ? "xml" : uri.size ? own : "";
    if (++d->depth > d->deepest)
        d->deepest = d->depth;
    put(d, "<");
    put_name(d, prefix, local);
    if (uri.size)
        declare(d, own, uri);
    else
        put(d, " xmlns=''");
    put(d, " versionId='8.0'");
    size_t count = 0;
    while (next(d) == ATTRIBUTE_NAME)
        put_attribute(d, count++);
    if (count > d->most_attributes)
        d->most_attributes = count;
    put(d, ">");
    require(next(d) == CONTENT_START);
    d->at++;
    put_content(d);
    require(next(d) == ELEMENT_END);
    d->at++;
    put(d, "</");
    put_name(d, prefix, local);
    put(d, ">");
    d->depth--;
}

/* With a Header before the Body, which says nothing. */
static void add_header(struct dress *d)
{
    static const char header[] =
        "<h:Header xmlns:h='" SOAP_NAMESPACE "'><operationID>x</operationID></h:Header>";
    struct buffer with = {0};
    const uint8_t *end = memchr(d->xml.data, '>', d->xml.size);
    require(end != NULL);
    size_t before = (size_t)(end + 1 - d->xml.data);
    buffer_append(&with, d->xml.data, before);
    buffer_append_text(&with, header);
    buffer_append(&with, end + 1, d->xml.size - before);
    buffer_free(&d->xml);
    d->xml = with;
}

static void require_same_in_another_dress(const struct soap_request *request)
{
    struct dress d = {.form = buffer_span(&request->canonical)};
    put_element(&d);
    require(d.at == d.form.size);
    add_header(&d);
    require(!d.xml.failed);
    struct soap_request again = {0};
    require(soap_read_request(buffer_span(&d.xml), &again));
    if (d.deepest <= DRESSED_DEPTH && d.most_attributes <= DRESSED_ATTRIBUTES)
        require(again.is_understood);
    if (again.is_understood) {
        require(span_equal(d.form, buffer_span(&again.canonical)));
        require(strcmp(request->operation, again.operation) == 0);
        require(request->is_live == again.is_live);
        require(request->is_current_session == again.is_current_session);
        require(span_equal(buffer_span(&request->self), buffer_span(&again.self)));
        require(span_equal(buffer_span(&request->object_names), buffer_span(&again.object_names)));
    }
    soap_request_free(&again);
    buffer_free(&d.xml);
}

static void read_as_request(struct span body)
{
    struct soap_request request = {0};
    require(soap_read_request(body, &request));
    require(request.canonical.capacity <= 64 * body.size + 65536);
    if (request.is_understood)
        require_same_in_another_dress(&request);
    soap_request_free(&request);
}

static void take_task(struct span task, void *closure)
{
    size_t *longest = closure;
    if (task.size > *longest)
        *longest = task.size;
}

static void read_as_response(struct span body)
{
    size_t longest = 0;
    soap_visit_ended_tasks(body, SPAN_OF("task-1"), take_task, &longest);
    require(longest <= body.size + sizeof("task-1"));
    struct soap_response response = {0};
    require(soap_read_response(body, &response));
    require(response.returnval.size <= 1024);
    soap_response_free(&response);
    soap_is_fault(body, "NotAuthenticated");
    struct buffer text = {0};
    if (!soap_find_child(body, "key", &text))
        require(text.size == 0);
    buffer_free(&text);
    soap_read_origin(body, &text);
    require(text.size <= body.size);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    require(copy != NULL);
    memcpy(copy, data, size);
    read_as_request((struct span){copy, size});
    read_as_response((struct span){copy, size});
    free(copy);
    return 0;
}
