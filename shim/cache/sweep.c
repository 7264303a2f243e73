/* Sweeps: see sweep.h. */
#include "cache/sweep.h"

#include "cache/reader.h"
#include "cache/table.h"
#include "cache/trap.h"
#include "cache/writer.h"

#include <string.h>

#define BATCH 256

struct batch {
    const struct sweep *sweep;
    struct reader *reader;
    uint8_t last[16]; /* where the one before ended */
    bool is_first;
    bool is_at_end;
    uint8_t ids[BATCH][16]; /* chosen */
    size_t count;
};

static int visit_all(struct batch *batch, MDB_cursor *cursor)
{
    const struct late_lmdb *lmdb = batch->reader->environment->lmdb;
    uint8_t from[16];
    memcpy(from, batch->last, sizeof(from));
    MDB_val key = {sizeof(from), from};
    MDB_val value;
    int code =
        lmdb->mdb_cursor_get(cursor, &key, &value, batch->is_first ? MDB_FIRST : MDB_SET_RANGE);
    for (int seen = 0; code == 0 && seen < BATCH; seen++) {
        if (key.mv_size != 16)
            return MDB_CORRUPTED;
        bool is_new = batch->is_first || memcmp(key.mv_data, batch->last, 16) != 0;
        batch->is_first = false;
        memcpy(batch->last, key.mv_data, 16);
        if (is_new && batch->sweep->visit(batch->last, (struct span){value.mv_data, value.mv_size},
                                          batch->sweep->closure))
            memcpy(batch->ids[batch->count++], batch->last, 16);
        code = lmdb->mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    batch->is_at_end = code == MDB_NOTFOUND;
    return code == MDB_NOTFOUND ? 0 : code;
}

static int read_batch(void *closure)
{
    struct batch *batch = closure;
    struct environment *environment = batch->reader->environment;
    MDB_cursor *cursor;
    int code = environment->lmdb->mdb_cursor_open(
        batch->reader->transaction, environment->tables[batch->sweep->table], &cursor);
    if (code != 0)
        return code;
    code = visit_all(batch, cursor);
    environment->lmdb->mdb_cursor_close(cursor);
    return code;
}

static int remove_batch(struct environment *environment, MDB_txn *transaction, void *closure)
{
    struct batch *batch = closure;
    for (size_t i = 0; i < batch->count; i++) {
        int code = batch->sweep->remove(environment, transaction, batch->sweep->table,
                                        TABLE_KEY(batch->ids[i]));
        if (code != 0 && code != MDB_NOTFOUND)
            return code;
    }
    return 0;
}

static enum cache_status sweep_batch(struct cache *cache, struct batch *batch)
{
    enum cache_status status = reader_take(cache, &batch->reader);
    if (status != CACHE_OK)
        return status;
    struct environment *environment = batch->reader->environment;
    batch->count = 0;
    status = environment_status(environment, trap_run(read_batch, batch));
    reader_return(batch->reader);
    if (status != CACHE_OK || batch->count == 0 || !batch->sweep->remove)
        return status;
    status = writer_enter(cache, &environment);
    if (status != CACHE_OK)
        return status;
    status = environment_status(environment, writer_run(environment, remove_batch, batch));
    writer_leave(cache);
    return status;
}

enum cache_status sweep_table(struct cache *cache, const struct sweep *sweep, uint64_t *chosen)
{
    struct batch batch = {.sweep = sweep, .is_first = true};
    enum cache_status status = CACHE_OK;
    *chosen = 0;
    while (status == CACHE_OK && !batch.is_at_end) {
        status = sweep_batch(cache, &batch);
        *chosen += batch.count;
    }
    return status;
}
