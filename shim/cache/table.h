/*
 * Tables: one entry of one table, within a transaction and the trap. What LMDB would follow blindly
 * when it removes a value is looked at first. Error codes are LMDB's.
 */
#ifndef VCACHE_CACHE_TABLE_H
#define VCACHE_CACHE_TABLE_H

#include "cache/environment.h"

int table_get(struct environment *environment, MDB_txn *transaction, enum table table,
              const uint8_t id[16], MDB_val *value);

/* Stores or replaces. With value->mv_data NULL only makes the room, for the caller to fill. */
int table_put(struct environment *environment, MDB_txn *transaction, enum table table,
              const uint8_t id[16], MDB_val *value);

int table_delete(struct environment *environment, MDB_txn *transaction, enum table table,
                 const uint8_t id[16]);

#endif
