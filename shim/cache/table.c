/* Tables: see table.h. */
#include "cache/table.h"

#include "cache/pages.h"

_Static_assert((int)TABLE_COUNT <= PATH_TABLES, "a view has room for every table");

const char *const table_names[TABLE_COUNT] = {
    [TABLE_META] = "meta",   [TABLE_RESPONSES] = "responses",
    [TABLE_AGES] = "ages",   [TABLE_SESSIONS] = "sessions",
    [TABLE_BOUND] = "bound", [TABLE_PRINCIPALS] = "principals",
    [TABLE_PEERS] = "peers",
};

int table_get(struct environment *environment, MDB_txn *transaction, enum table table,
              struct span key, MDB_val *value)
{
    MDB_val id = {key.size, (void *)key.data};
    return environment->lmdb->mdb_get(transaction, environment->tables[table], &id, value);
}

int table_look(struct environment *environment, enum table table, struct span key)
{
    return path_is_sound(&environment->view, table, table_names[table], key.data, key.size,
                         PATH_PUT)
               ? 0
               : MDB_CORRUPTED;
}

/* Before a change. 0: there is such a key; MDB_NOTFOUND: there is none. */
static int examine(struct environment *environment, MDB_txn *transaction, enum table table,
                   struct span key, enum path_use use)
{
    MDB_val value;
    if (!path_is_sound(&environment->view, table, table_names[table], key.data, key.size, use))
        return MDB_CORRUPTED;
    int code = table_get(environment, transaction, table, key, &value);
    if (code == 0 &&
        !pages_hold_value(value.mv_data, value.mv_size, key.size, environment->page_size))
        return MDB_CORRUPTED;
    return code;
}

int table_put(struct environment *environment, MDB_txn *transaction, enum table table,
              struct span key, MDB_val *value)
{
    MDB_val id = {key.size, (void *)key.data};
    int code = examine(environment, transaction, table, key, PATH_PUT);
    /* What is replaced by something smaller may leave its page to be merged. */
    if (code == 0)
        code = examine(environment, transaction, table, key, PATH_REMOVE);
    if (code != 0 && code != MDB_NOTFOUND)
        return code;
    return environment->lmdb->mdb_put(transaction, environment->tables[table], &id, value,
                                      value->mv_data ? 0 : MDB_RESERVE);
}

int table_delete(struct environment *environment, MDB_txn *transaction, enum table table,
                 struct span key)
{
    MDB_val id = {key.size, (void *)key.data};
    int code = examine(environment, transaction, table, key, PATH_REMOVE);
    return code != 0
               ? code
               : environment->lmdb->mdb_del(transaction, environment->tables[table], &id, NULL);
}
