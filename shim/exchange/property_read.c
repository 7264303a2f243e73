/* Property reads: see property_read.h. */
#include "exchange/property_read.h"

#include <string.h>

static const char *const live_types[] = {
    "Task",
    "SessionManager",
    "PropertyCollector",
    "PropertyFilter",
    "HistoryCollector",
    "TaskHistoryCollector",
    "EventHistoryCollector",
    "HttpNfcLease",
};

static const char *const live_properties[] = {
    "serverClock",
    "recentTask",
    "latestEvent",
    "runtime.question",
};

static const struct span session_manager = SPAN_OF("SessionManager");
static const struct span current_session = SPAN_OF("currentSession");

/* Without the white space around it, and without the package that some bindings write ("vim.Task").
 */
static struct span bare_type(struct span type)
{
    for (size_t i = type.size; i-- > 0;)
        if (type.data[i] == '.' || type.data[i] == ':')
            return (struct span){type.data + i + 1, type.size - i - 1};
    return type;
}

static bool is_white(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct span trimmed(struct span s)
{
    while (s.size > 0 && is_white(s.data[0])) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && is_white(s.data[s.size - 1]))
        s.size--;
    return s;
}

static bool is_live_type(struct span type)
{
    type = bare_type(trimmed(type));
    for (size_t i = 0; i < sizeof(live_types) / sizeof(live_types[0]); i++)
        if (span_equal(type, span_of_text(live_types[i])))
            return true;
    return false;
}

/* The property, what is below it (a.b), or one element of it (a["key"]). */
static bool is_live_property(struct span path)
{
    path = trimmed(path);
    for (size_t i = 0; i < sizeof(live_properties) / sizeof(live_properties[0]); i++) {
        struct span live = span_of_text(live_properties[i]);
        if (path.size < live.size || memcmp(path.data, live.data, live.size) != 0)
            continue;
        if (path.size == live.size || path.data[live.size] == '.' || path.data[live.size] == '[')
            return true;
    }
    return false;
}

void property_read_begin(struct property_read *read, const char *operation)
{
    *read = (struct property_read){0};
    if (strcmp(operation, "RetrieveProperties") == 0 ||
        strcmp(operation, "RetrievePropertiesEx") == 0)
        read->form = PROPERTY_READ_BY_SPEC;
    else if (strcmp(operation, "Fetch") == 0)
        read->form = PROPERTY_READ_FETCH;
}

/* An object that is read or read from. One without a type could be anything. */
static void object_named(struct property_read *read, const char *type)
{
    if (!type || is_live_type(span_of_text(type)))
        read->is_live = true;
    if (type && span_equal(span_of_text(type), session_manager))
        read->objects++;
    else
        read->has_more = true;
}

void property_read_start(struct property_read *read, size_t depth, const char *name,
                         const char *type)
{
    if (read->form == PROPERTY_READ_NONE)
        return;
    if (read->form == PROPERTY_READ_FETCH) {
        if (depth == 1 && strcmp(name, "_this") == 0)
            object_named(read, type);
    } else if (strcmp(name, "obj") == 0) {
        object_named(read, type);
    } else if (strcmp(name, "specSet") == 0) {
        read->spec_sets++;
    } else if (strcmp(name, "propSet") == 0) {
        read->property_specs++;
    } else if (strcmp(name, "objectSet") == 0) {
        read->object_specs++;
    } else if (strcmp(name, "selectSet") == 0) {
        read->has_more = true;
    }
}

static void type_ended(struct property_read *read, struct span text)
{
    if (!text.data || is_live_type(text))
        read->is_live = true;
    if (text.data && span_equal(text, session_manager))
        read->types++;
    else
        read->has_more = true;
}

static void path_ended(struct property_read *read, struct span text)
{
    if (!text.data || is_live_property(text))
        read->is_live = true;
    if (text.data && span_equal(text, current_session))
        read->paths++;
    else
        read->has_more = true;
}

static void all_ended(struct property_read *read, struct span text)
{
    if (!span_equal(text, SPAN_OF("false")) && !span_equal(text, SPAN_OF("0")))
        read->has_more = true;
}

void property_read_end(struct property_read *read, size_t depth, const char *name, struct span text)
{
    if (read->form == PROPERTY_READ_NONE)
        return;
    if (read->form == PROPERTY_READ_FETCH) {
        if (depth == 1 && strcmp(name, "prop") == 0)
            path_ended(read, text);
    } else if (strcmp(name, "type") == 0) {
        type_ended(read, text);
    } else if (strcmp(name, "pathSet") == 0 || strcmp(name, "path") == 0) {
        path_ended(read, text); /* a traversal's path names a property as well */
    } else if (strcmp(name, "all") == 0) {
        all_ended(read, text);
    }
}

bool property_read_is_current_session(const struct property_read *read)
{
    if (read->has_more || read->objects != 1 || read->paths != 1)
        return false;
    if (read->form == PROPERTY_READ_FETCH)
        return true;
    return read->form == PROPERTY_READ_BY_SPEC && read->spec_sets == 1 &&
           read->property_specs == 1 && read->object_specs == 1 && read->types == 1;
}
