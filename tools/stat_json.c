/* vcache-stat --json: one object, everything in it. Counters have the names of the log. */
#include "stat_forms.h"

#include <json-c/json.h>
#include <stdio.h>

/* json-c's add takes ownership, and a NULL value would be a JSON null: noted as a failure. */
struct builder {
    bool has_failed;
};

static void put(struct builder *builder, json_object *into, const char *name, json_object *value)
{
    if (!into || !value || json_object_object_add(into, name, value) != 0) {
        builder->has_failed = true;
        json_object_put(value);
    }
}

static void put_number(struct builder *builder, json_object *into, const char *name, uint64_t value)
{
    put(builder, into, name, json_object_new_uint64(value));
}

static void put_counts(struct builder *builder, json_object *into,
                       const struct statistics_operation *counts)
{
    put_number(builder, into, "hits", counts->hits);
    put_number(builder, into, "misses", counts->misses);
    put_number(builder, into, "bypasses", counts->bypasses);
    put_number(builder, into, "bytes_saved", counts->bytes_saved);
    put_number(builder, into, "time_saved_us", counts->time_saved_us);
    put_number(builder, into, "origin_time_us", counts->origin_time_us);
}

static json_object *cache_object(struct builder *builder, const struct figures *figures)
{
    json_object *cache = json_object_new_object();
    put(builder, cache, "directory", json_object_new_string(figures->directory));
    put(builder, cache, "present", json_object_new_boolean(figures->is_present));
    put_number(builder, cache, "size_bytes", figures->extent.used);
    put_number(builder, cache, "limit_bytes", figures->extent.limit);
    put_number(builder, cache, "responses", figures->extent.responses);
    put_number(builder, cache, "sessions", figures->extent.sessions);
    return cache;
}

static json_object *total_object(struct builder *builder, const struct figures *figures)
{
    json_object *total = json_object_new_object();
    struct statistics_operation counts = figures->total;
    counts.hits = figures->groups[GROUP_HIT];
    counts.misses = figures->groups[GROUP_MISS];
    counts.bypasses = figures->groups[GROUP_BYPASS];
    put_number(builder, total, "requests", figures->requests);
    put_counts(builder, total, &counts);
    return total;
}

static json_object *verdicts_object(struct builder *builder, const struct figures *figures)
{
    json_object *groups = json_object_new_object();
    for (int group = 0; group < GROUP_COUNT; group++) {
        json_object *verdicts = json_object_new_object();
        for (int i = 0; i < VERDICT_COUNT; i++)
            if ((int)verdict_infos[i].group == group)
                put_number(builder, verdicts, verdict_infos[i].name,
                           figures->statistics.verdicts[i]);
        put(builder, groups, group_name((enum verdict_group)group), verdicts);
    }
    return groups;
}

static json_object *operations_array(struct builder *builder, const struct figures *figures)
{
    json_object *array = json_object_new_array();
    for (size_t i = 0; array && i < figures->operation_count; i++) {
        const struct operation_figures *operation = &figures->operations[i];
        json_object *object = json_object_new_object();
        put(builder, object, "name", json_object_new_string(operation->name));
        put(builder, object, "class", json_object_new_string(operation->class));
        put_number(builder, object, "requests", operation_requests(operation));
        put_counts(builder, object, &operation->counts);
        if (!object || json_object_array_add(array, object) != 0)
            builder->has_failed = true;
    }
    return array;
}

bool print_json(const struct figures *figures)
{
    struct builder builder = {0};
    json_object *all = json_object_new_object();
    put(&builder, all, "version", json_object_new_string(VCACHE_VERSION));
    put(&builder, all, "cache", cache_object(&builder, figures));
    put_number(&builder, all, "counting_since", figures->statistics.zeroed_at);
    put(&builder, all, "total", total_object(&builder, figures));
    put(&builder, all, "verdicts", verdicts_object(&builder, figures));
    put(&builder, all, "operations", operations_array(&builder, figures));
    if (figures->missing)
        put(&builder, all, "missing_library", json_object_new_string(figures->missing));
    const char *text = builder.has_failed
                           ? NULL
                           : json_object_to_json_string_ext(
                                 all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text)
        puts(text);
    json_object_put(all);
    return text != NULL;
}
