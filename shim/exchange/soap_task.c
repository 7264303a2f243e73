/* SOAP responses, looked into for tasks that have ended. See soap.h. */
#include "exchange/soap_parts.h"

#include <string.h>

struct task_reading {
    struct xml_reading xml; /* first: see xml.h */
    soap_task_visitor *visit;
    void *closure;
    struct span self; /* what a Fetch read: its response does not say */
    size_t depth;
    size_t value_depth; /* of the innermost val or returnval, or 0 */
    bool is_leaf;
    bool is_task; /* the obj that was named last is a Task */
    struct buffer text;
    struct buffer task;
    struct buffer name; /* of the property whose value comes next */
};

static bool has_task_type(const char **attributes)
{
    for (; *attributes; attributes += 2)
        if (strcmp(attributes[0], "type") == 0 && strcmp(attributes[1], "Task") == 0)
            return true;
    return false;
}

static void task_element_starts(void *reading, const char *name, const char **attributes)
{
    struct task_reading *r = reading;
    const char *local = xml_local_name(name);
    if (++r->depth > XML_DEPTH) {
        xml_stop(&r->xml);
        return;
    }
    buffer_clear(&r->text);
    r->is_leaf = true;
    if (strcmp(local, "obj") == 0)
        r->is_task = has_task_type(attributes);
    else if (strcmp(local, "val") == 0 || strcmp(local, "returnval") == 0)
        r->value_depth = r->depth;
}

static void task_text_comes(void *reading, const char *text, int size)
{
    struct task_reading *r = reading;
    /* What matters here is short: names of tasks, properties and states. */
    if (r->is_leaf && !r->xml.is_stopped && r->text.size < SOAP_NAME_SIZE)
        buffer_append(&r->text, text, (size_t)size);
}

static void keep_text(struct task_reading *r, struct buffer *to)
{
    buffer_clear(to);
    buffer_append_span(to, buffer_span(&r->text));
}

static void note_state(struct task_reading *r)
{
    struct span state = buffer_span(&r->text);
    if (!span_equal(state, SPAN_OF("success")) && !span_equal(state, SPAN_OF("error")))
        return;
    struct span task = r->is_task ? buffer_span(&r->task) : r->self;
    if (task.size > 0)
        r->visit(task, r->closure);
}

/* The value of info.state, or the child of a TaskInfo. */
static bool is_state(const struct task_reading *r, const char *local)
{
    if (r->depth == r->value_depth)
        return strcmp(local, "returnval") == 0 ||
               span_equal(buffer_span(&r->name), SPAN_OF("info.state"));
    return r->depth == r->value_depth + 1 && strcmp(local, "state") == 0;
}

static void task_element_ends(void *reading, const char *name)
{
    struct task_reading *r = reading;
    const char *local = xml_local_name(name);
    if (r->is_leaf && !r->xml.is_stopped) {
        if (strcmp(local, "obj") == 0)
            keep_text(r, &r->task);
        else if (strcmp(local, "name") == 0)
            keep_text(r, &r->name);
        else if (is_state(r, local))
            note_state(r);
    }
    r->is_leaf = false;
    r->depth--;
}

void soap_visit_ended_tasks(struct span body, struct span self, soap_task_visitor *visit,
                            void *closure)
{
    static const struct xml_handlers handlers = {
        .start = task_element_starts,
        .end = task_element_ends,
        .text = task_text_comes,
    };
    struct task_reading r = {.visit = visit, .closure = closure, .self = self};
    /* Most responses name no state that ends a task, and need not be parsed. */
    if (!span_contains(body, SPAN_OF(">success<")) && !span_contains(body, SPAN_OF(">error<")))
        return;
    xml_read(&r.xml, &handlers, body, 0);
    xml_end(&r.xml, false);
    buffer_free(&r.text);
    buffer_free(&r.task);
    buffer_free(&r.name);
}
