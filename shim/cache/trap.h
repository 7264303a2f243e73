/*
 * The trap: LMDB as Debian builds it calls abort() when an assertion fails, which damaged pages can
 * make happen. Everything that walks LMDB's pages runs inside the trap, where a failed assertion
 * comes out as MDB_CORRUPTED. What LMDB held at that moment (memory, in a write transaction its
 * writer mutex) is lost with it: the caller never uses the environment again.
 *
 * What it cannot catch: a page so damaged that LMDB follows it out of the map. The map is longer
 * than what is in use, and the file as long as the map, which makes that unlikely.
 */
#ifndef VCACHE_CACHE_TRAP_H
#define VCACHE_CACHE_TRAP_H

#include <lmdb.h>

typedef int trap_work(void *closure);

/* The result of work(closure), an LMDB error code. */
int trap_run(trap_work *work, void *closure);

/* LMDB's assertion callback (mdb_env_set_assert). */
void trap_spring(MDB_env *env, const char *message);

#endif
