/*
 * Canonical form, runs of pathSet: the properties of a PropertySpec are a set, and the Perl SDK
 * sends them in the order of its hash, which differs from run to run.
 */
#include "exchange/canonical_parts.h"
#include "exchange/secret.h"

#include <stdlib.h>
#include <string.h>

bool canonical_is_path(const char *name, size_t size)
{
    static const char path[] = "pathSet";
    const size_t path_size = sizeof(path) - 1;
    if (size < path_size || memcmp(name + size - path_size, path, path_size) != 0)
        return false;
    return size == path_size || name[size - path_size - 1] == XML_SEPARATOR;
}

void canonical_run_add(struct canonical *c, size_t start)
{
    if (c->is_refused)
        return;
    if (c->run_count == c->run_capacity) {
        size_t capacity = c->run_capacity ? c->run_capacity * 2 : 16;
        struct canonical_piece *run = reallocarray(c->run, capacity, sizeof(*run));
        if (!run) {
            c->is_refused = true;
            return;
        }
        c->run = run;
        c->run_capacity = capacity;
    }
    c->run[c->run_count++] = (struct canonical_piece){start, c->out->size - start};
}

static int compare_pieces(const void *one, const void *other, void *bytes)
{
    const struct canonical_piece *a = one;
    const struct canonical_piece *b = other;
    const uint8_t *data = bytes;
    int order = memcmp(data + a->at, data + b->at, a->size < b->size ? a->size : b->size);
    if (order != 0)
        return order;
    return (a->size > b->size) - (a->size < b->size);
}

static bool is_sorted(const struct canonical *c, const struct canonical_piece *run, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_pieces(&run[i - 1], &run[i], c->out->data) > 0)
            return false;
    return true;
}

/* The pieces lie end to end, with no white space left between them. */
static void sort_run(struct canonical *c, struct canonical_piece *run, size_t count)
{
    size_t start = run[0].at;
    size_t end = run[count - 1].at + run[count - 1].size;
    struct buffer sorted = {0};
    if (!secret_reserve(&sorted, end - start)) {
        c->is_refused = true;
        return;
    }
    qsort_r(run, count, sizeof(*run), compare_pieces, c->out->data);
    for (size_t i = 0; i < count; i++)
        buffer_append(&sorted, c->out->data + run[i].at, run[i].size);
    memcpy(c->out->data + start, sorted.data, end - start);
    secret_free(&sorted);
}

void canonical_run_end(struct canonical *c, const struct canonical_level *level)
{
    if (c->is_refused || c->run_count <= level->first_run)
        return;
    struct canonical_piece *run = c->run + level->first_run;
    size_t count = c->run_count - level->first_run;
    if (!is_sorted(c, run, count))
        sort_run(c, run, count);
    c->run_count = level->first_run;
}
