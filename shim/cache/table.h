/*
 * Tables: one entry of one table, within a transaction and the trap. What LMDB would follow blindly
 * is looked at before it changes anything (path.h, pages.h). Error codes are LMDB's.
 */
#ifndef VCACHE_CACHE_TABLE_H
#define VCACHE_CACHE_TABLE_H

#include "cache/environment.h"

/* As LMDB knows them. */
extern const char *const table_names[TABLE_COUNT];

#define TABLE_KEY(array) ((struct span){(array), sizeof(array)})

int table_get(struct environment *environment, MDB_txn *transaction, enum table table,
              struct span key, MDB_val *value);

/* Looks at the pages on the way to a key, before anything is read on the strength of them, in a
 * write transaction. 0 or MDB_CORRUPTED. The two below do so themselves. */
int table_look(struct environment *environment, enum table table, struct span key);

/* Stores or replaces. With value->mv_data NULL only makes the room, for the caller to fill. */
int table_put(struct environment *environment, MDB_txn *transaction, enum table table,
              struct span key, MDB_val *value);

/* MDB_NOTFOUND if there is none. */
int table_delete(struct environment *environment, MDB_txn *transaction, enum table table,
                 struct span key);

#endif
