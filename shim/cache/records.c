/* Records: see records.h. */
#include "cache/records.h"

#include "cache/evict.h"
#include "cache/reader.h"
#include "cache/sweep.h"
#include "cache/table.h"
#include "cache/trap.h"
#include "cache/writer.h"

#include <errno.h>
#include <string.h>

/* A table of records that has outgrown its part of the cache is emptied: what it held is made again
 * by the next login, while nothing else would ever evict it. */
#define PART_OF_LIMIT 16

static enum table table_of(enum record_table table)
{
    static const enum table tables[RECORDS_TABLE_COUNT] = {
        [RECORDS_SESSIONS] = TABLE_SESSIONS,
        [RECORDS_BOUND] = TABLE_BOUND,
        [RECORDS_PRINCIPALS] = TABLE_PRINCIPALS,
        [RECORDS_PEERS] = TABLE_PEERS,
    };
    return tables[table];
}

struct work {
    struct reader *reader;
    enum table table;
    const struct record_key *key;
    struct buffer *into;
    const struct span *before;
    struct span value;
};

static int get(void *closure)
{
    struct work *work = closure;
    MDB_val value;
    int code = table_get(work->reader->environment, work->reader->transaction, work->table,
                         TABLE_KEY(work->key->id), &value);
    if (code != 0)
        return code;
    return buffer_append(work->into, value.mv_data, value.mv_size) ? 0 : ENOMEM;
}

enum cache_status record_get(struct cache *cache, enum record_table table,
                             const struct record_key *key, struct buffer *value)
{
    struct work work = {.table = table_of(table), .key = key, .into = value};
    enum cache_status status = reader_take(cache, &work.reader);
    if (status != CACHE_OK)
        return status;
    status = environment_status(work.reader->environment, trap_run(get, &work));
    reader_return(work.reader);
    return status;
}

static int make_room(struct environment *environment, MDB_txn *transaction, const struct work *work)
{
    MDB_stat stat;
    uint64_t used = 0;
    MDB_dbi table = environment->tables[work->table];
    int code = environment->lmdb->mdb_stat(transaction, table, &stat);
    if (code != 0)
        return code;
    uint64_t size = (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) *
                    (uint64_t)stat.ms_psize;
    if (size + work->value.size > environment->limit / PART_OF_LIMIT)
        code = environment->lmdb->mdb_drop(transaction, table, 0);
    if (code == 0)
        code = environment_used(environment, transaction, &used);
    return code == 0 && evict_is_due(environment, used, work->value.size) ? MDB_MAP_FULL : code;
}

/* MDB_NOTFOUND: the value is not what the caller takes it for. */
static int expect(struct environment *environment, MDB_txn *transaction, const struct work *work)
{
    MDB_val value;
    if (!work->before)
        return 0;
    int code = table_look(environment, work->table, TABLE_KEY(work->key->id));
    if (code == 0)
        code = table_get(environment, transaction, work->table, TABLE_KEY(work->key->id), &value);
    if (code == 0 && !span_equal((struct span){value.mv_data, value.mv_size}, *work->before))
        code = MDB_NOTFOUND;
    return code;
}

static int put(struct environment *environment, MDB_txn *transaction, void *closure)
{
    const struct work *work = closure;
    MDB_val value = {work->value.size, (void *)work->value.data};
    int code = expect(environment, transaction, work);
    if (code == 0)
        code = make_room(environment, transaction, work);
    return code != 0
               ? code
               : table_put(environment, transaction, work->table, TABLE_KEY(work->key->id), &value);
}

static enum cache_status put_record(struct cache *cache, struct work *work)
{
    struct environment *environment;
    enum cache_status status = writer_enter(cache, &environment);
    if (status != CACHE_OK)
        return status;
    int code = work->value.size > environment->limit / PART_OF_LIMIT ? ENOSPC : MDB_MAP_FULL;
    if (code == MDB_MAP_FULL)
        code = writer_run(environment, put, work);
    for (int step = 0; code == MDB_MAP_FULL && step < EVICT_STEPS; step++) {
        code = evict(environment, work->value.size, step);
        if (code == 0)
            code = writer_run(environment, put, work);
    }
    status = environment_status(environment, code);
    writer_leave(cache);
    return status;
}

static int delete (struct environment *environment, MDB_txn *transaction, void *closure)
{
    const struct work *work = closure;
    int code = expect(environment, transaction, work);
    return code != 0
               ? code
               : table_delete(environment, transaction, work->table, TABLE_KEY(work->key->id));
}

static enum cache_status delete_record(struct cache *cache, struct work *work)
{
    struct environment *environment;
    enum cache_status status = writer_enter(cache, &environment);
    if (status != CACHE_OK)
        return status;
    status = environment_status(environment, writer_run(environment, delete, work));
    writer_leave(cache);
    return status;
}

enum cache_status record_put(struct cache *cache, enum record_table table,
                             const struct record_key *key, struct span value)
{
    struct work work = {.table = table_of(table), .key = key, .value = value};
    return put_record(cache, &work);
}

enum cache_status record_delete(struct cache *cache, enum record_table table,
                                const struct record_key *key)
{
    struct work work = {.table = table_of(table), .key = key};
    return delete_record(cache, &work);
}

enum cache_status record_replace(struct cache *cache, enum record_table table,
                                 const struct record_key *key, struct span before,
                                 struct span after)
{
    struct work work = {.table = table_of(table), .key = key, .before = &before, .value = after};
    return after.data ? put_record(cache, &work) : delete_record(cache, &work);
}

struct visit {
    record_visitor *visit;
    void *closure;
};

static bool visit_record(const uint8_t id[16], struct span value, void *closure)
{
    const struct visit *visit = closure;
    struct record_key key;
    memcpy(key.id, id, sizeof(key.id));
    return visit->visit(&key, value, visit->closure);
}

enum cache_status record_sweep(struct cache *cache, enum record_table table, record_visitor *visit,
                               void *closure, bool is_dry, uint64_t *removed)
{
    struct visit all = {visit, closure};
    struct sweep sweep = {table_of(table), visit_record, &all, is_dry ? NULL : table_delete};
    return sweep_table(cache, &sweep, removed);
}
