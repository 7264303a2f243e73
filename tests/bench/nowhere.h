/*
 * A descriptor that leads nowhere. Where nowhere.so is preloaded, poll, send, recv, read and write
 * of it return at once, without a system call: what is preloaded before it, and calls it, can be
 * measured to the nanosecond.
 */
#ifndef VCACHE_BENCH_NOWHERE_H
#define VCACHE_BENCH_NOWHERE_H

enum { NOWHERE = 1 << 30 };

#endif
