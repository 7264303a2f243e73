/*
 * Descriptors: those that LMDB opens by itself, kept from being the program's standard ones, and
 * found afterwards.
 */
#ifndef VCACHE_CACHE_DESCRIPTORS_H
#define VCACHE_CACHE_DESCRIPTORS_H

#include "cache/environment.h"

/* Where the program runs with stdin, stdout or stderr closed, LMDB's files would become just that,
 * and be printed into: something else stands there while they are opened. */
struct descriptors_standard {
    int placeholders[3];
    int count;
};
void descriptors_occupy_standard(struct descriptors_standard *standard);
void descriptors_free_standard(struct descriptors_standard *standard);

/* LMDB tells only data_fd; the others are known by the inodes they refer to. Makes all of them
 * close-on-exec. False if they cannot be found, or are the program's standard ones after all. */
bool descriptors_find(struct environment *environment);

#endif
