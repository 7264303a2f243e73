/* Tables: see table.h. */
#include "cache/table.h"

#include "cache/pages.h"

int table_get(struct environment *environment, MDB_txn *transaction, enum table table,
              const uint8_t id[16], MDB_val *value)
{
    MDB_val key = {16, (void *)id};
    return environment->lmdb->mdb_get(transaction, environment->tables[table], &key, value);
}

static int examine(struct environment *environment, MDB_txn *transaction, enum table table,
                   const uint8_t id[16])
{
    MDB_val value;
    int code = table_get(environment, transaction, table, id, &value);
    if (code == 0 && !pages_hold_value(value.mv_data, value.mv_size, 16, environment->page_size))
        return MDB_CORRUPTED;
    return code;
}

int table_put(struct environment *environment, MDB_txn *transaction, enum table table,
              const uint8_t id[16], MDB_val *value)
{
    MDB_val key = {16, (void *)id};
    int code = examine(environment, transaction, table, id);
    if (code != 0 && code != MDB_NOTFOUND)
        return code;
    return environment->lmdb->mdb_put(transaction, environment->tables[table], &key, value,
                                      value->mv_data ? 0 : MDB_RESERVE);
}

int table_delete(struct environment *environment, MDB_txn *transaction, enum table table,
                 const uint8_t id[16])
{
    MDB_val key = {16, (void *)id};
    int code = examine(environment, transaction, table, id);
    return code != 0
               ? code
               : environment->lmdb->mdb_del(transaction, environment->tables[table], &key, NULL);
}
