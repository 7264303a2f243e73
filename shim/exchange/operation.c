/*
 * Operations: see operation.h. The rows are operations.gperf's, made into operations.inc.
 */
#include "exchange/operation.h"

#include <pthread.h>
#include <string.h>

/* A row is {name, ROW(…)}. gperf repeats the attributes of a keyword once, where it puts the row,
 * so a counter in them numbers the rows densely in the order of the generated table. */
enum { COUNTER_START = __COUNTER__ };
#define ROW(class, is_in_session)                                                                  \
    class, is_in_session, (unsigned short)(__COUNTER__ - COUNTER_START)

#define READ ROW(OPERATION_READ, false)
#define PROPERTY_READ ROW(OPERATION_PROPERTY_READ, false)
#define PAGE ROW(OPERATION_PAGE, false)
#define VIEW ROW(OPERATION_VIEW, false)
#define DESTROY_VIEW ROW(OPERATION_DESTROY_VIEW, false)
#define LIVE ROW(OPERATION_LIVE, false)
#define WAITING ROW(OPERATION_WAITING, true)
#define LOGIN ROW(OPERATION_LOGIN, false)
#define LOGOUT ROW(OPERATION_LOGOUT, false)
#define SESSION ROW(OPERATION_SESSION, false)
#define TASK ROW(OPERATION_TASK, false)
#define TASK_IN_SESSION ROW(OPERATION_TASK, true)
#define WRITE ROW(OPERATION_WRITE, false)
#define WRITE_IN_SESSION ROW(OPERATION_WRITE, true)

/* gperf's hash starts with `unsigned int = size_t`, of a length it has bounded before. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "operations.inc"
#pragma GCC diagnostic pop

#define ROW_COUNT (sizeof(operation_rows) / sizeof(operation_rows[0]))

/* Made at first use: pointers in initialised data would be relocated in every process that the
 * shim is loaded into, most of which never meet a vCenter. */
static struct operation operations[OPERATION_TOTAL_KEYWORDS];
static pthread_once_t operations_once = PTHREAD_ONCE_INIT;

static void operations_make(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct operation_row *row = &operation_rows[i];
        if (row->number == 0)
            continue;
        operations[row->number - 1] = (struct operation){
            .name = operation_names + row->name,
            .class = (enum operation_class)row->class,
            .number = row->number,
            .is_in_session = row->is_in_session,
        };
    }
}

const struct operation *operation_find(struct span name)
{
    pthread_once(&operations_once, operations_make);
    const struct operation_row *row = operation_lookup((const char *)name.data, name.size);
    return row ? &operations[row->number - 1] : NULL;
}

const struct operation *operation_at(size_t index)
{
    pthread_once(&operations_once, operations_make);
    return index < OPERATION_TOTAL_KEYWORDS ? &operations[index] : NULL;
}

size_t operation_count(void)
{
    return OPERATION_TOTAL_KEYWORDS;
}

const char *operation_class_name(enum operation_class class)
{
    switch (class) {
    case OPERATION_UNKNOWN:
        return "unknown";
    case OPERATION_READ:
        return "read";
    case OPERATION_PROPERTY_READ:
        return "property read";
    case OPERATION_PAGE:
        return "page";
    case OPERATION_VIEW:
        return "view";
    case OPERATION_DESTROY_VIEW:
        return "destroy view";
    case OPERATION_LIVE:
        return "live";
    case OPERATION_WAITING:
        return "waiting";
    case OPERATION_LOGIN:
        return "login";
    case OPERATION_LOGOUT:
        return "logout";
    case OPERATION_SESSION:
        return "session";
    case OPERATION_TASK:
        return "task";
    case OPERATION_WRITE:
        return "write";
    }
    return "unknown";
}

static bool span_ends_with(struct span s, struct span end)
{
    return s.size >= end.size && memcmp(s.data + (s.size - end.size), end.data, end.size) == 0;
}

static bool span_starts_with(struct span s, struct span start)
{
    return s.size >= start.size && memcmp(s.data, start.data, start.size) == 0;
}

const struct operation *operation_of_get(struct span path)
{
    static const char directory[] = "/sdk/";
    const size_t directory_size = sizeof(directory) - 1;

    if (span_starts_with(path, SPAN_OF("/folder/")) && span_ends_with(path, SPAN_OF(".vmx")))
        return operation_find(SPAN_OF("GET vmx"));
    if (path.size <= directory_size || memcmp(path.data, directory, directory_size) != 0)
        return NULL;
    struct span file = {path.data + directory_size, path.size - directory_size};
    if (span_equal(file, SPAN_OF("vimServiceVersions.xml")))
        return operation_find(SPAN_OF("GET vimServiceVersions.xml"));
    /* vimService.wsdl and what it imports: vim.wsdl, core-types.xsd, vim-types.xsd, … */
    if (memchr(file.data, '/', file.size))
        return NULL;
    if (span_ends_with(file, SPAN_OF(".wsdl")) || span_ends_with(file, SPAN_OF(".xsd")))
        return operation_find(SPAN_OF("GET wsdl"));
    return NULL;
}
