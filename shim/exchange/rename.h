/*
 * Renaming: a program goes on with the names that it was told (cookie, UserSession.key, views)
 * while others stand for them at the origin (session_names). Thread-safe, no state.
 */
#ifndef VCACHE_EXCHANGE_RENAME_H
#define VCACHE_EXCHANGE_RENAME_H

#include "base/bytes.h"

enum rename_way { RENAME_FOR_ORIGIN, RENAME_FOR_PROGRAM };

/*
 * Appends `text` with every name replaced by the other of its pair. `names`: pairs of sized spans,
 * the program's and the origin's. A name is replaced where it stands as a word, not as a part of a
 * longer one; of two that begin at one place, the earlier pair's. False without memory.
 */
bool rename_text(struct span text, struct span names, enum rename_way way, struct buffer *to);

#endif
