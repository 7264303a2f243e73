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

/* The elements that say what is read. */
enum property_element {
    ELEMENT_OTHER,
    ELEMENT_THIS,
    ELEMENT_PROP,
    ELEMENT_SPEC_SET,
    ELEMENT_PROP_SET,
    ELEMENT_OBJECT_SET,
    ELEMENT_SELECT_SET,
    ELEMENT_OBJ,
    ELEMENT_TYPE,
    ELEMENT_PATH, /* pathSet, and a traversal's path, which names a property as well */
    ELEMENT_ALL,
};

static enum property_element element_of_fetch(size_t depth, const char *name)
{
    if (depth == 1 && strcmp(name, "_this") == 0)
        return ELEMENT_THIS;
    return depth == 1 && strcmp(name, "prop") == 0 ? ELEMENT_PROP : ELEMENT_OTHER;
}

static enum property_element element_of_spec(const char *name)
{
    static const struct {
        const char *name;
        enum property_element element;
    } known[] = {
        {"specSet", ELEMENT_SPEC_SET},
        {"propSet", ELEMENT_PROP_SET},
        {"objectSet", ELEMENT_OBJECT_SET},
        {"selectSet", ELEMENT_SELECT_SET},
        {"obj", ELEMENT_OBJ},
        {"type", ELEMENT_TYPE},
        {"pathSet", ELEMENT_PATH},
        {"path", ELEMENT_PATH},
        {"all", ELEMENT_ALL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (name[0] == known[i].name[0] && strcmp(name, known[i].name) == 0)
            return known[i].element;
    return ELEMENT_OTHER;
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

void property_read_start(struct property_read *read, size_t depth, const char *local_name,
                         const char *type)
{
    if (read->form == PROPERTY_READ_NONE)
        return;
    enum property_element element = read->form == PROPERTY_READ_FETCH
                                        ? element_of_fetch(depth, local_name)
                                        : element_of_spec(local_name);
    read->elements[depth] = (uint8_t)element;
    switch (element) {
    case ELEMENT_THIS:
    case ELEMENT_OBJ:
        object_named(read, type);
        break;
    case ELEMENT_SPEC_SET:
        read->spec_sets++;
        break;
    case ELEMENT_PROP_SET:
        read->property_specs++;
        break;
    case ELEMENT_OBJECT_SET:
        read->object_specs++;
        break;
    case ELEMENT_SELECT_SET:
        read->has_more = true;
        break;
    default:
        break;
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

void property_read_end(struct property_read *read, size_t depth, struct span text)
{
    if (read->form == PROPERTY_READ_NONE)
        return;
    switch ((enum property_element)read->elements[depth]) {
    case ELEMENT_TYPE:
        type_ended(read, text);
        break;
    case ELEMENT_PATH:
    case ELEMENT_PROP:
        path_ended(read, text);
        break;
    case ELEMENT_ALL:
        all_ended(read, text);
        break;
    default:
        break;
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
