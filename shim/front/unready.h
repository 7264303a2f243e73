/*
 * Unready: descriptors that the kernel calls writable and that cannot be written to until they are
 * readable, for the handshake that a write waits for waits for the peer. The program was told to
 * write again (settle.c): its poll or select for writing waits for reading in their place, so that
 * its own time-out counts. Thread-safe; lock-free, for poll may be called in signal handlers.
 */
#ifndef VCACHE_FRONT_UNREADY_H
#define VCACHE_FRONT_UNREADY_H

#include "front/wake.h"

extern atomic_uint unready_count;

/* From now on, and until unready_end. Without room, or if it is there: nothing happens. */
void unready_begin(const struct descriptor *descriptor);
void unready_end(const struct descriptor *descriptor);

bool unready_is(int fd);

#endif
