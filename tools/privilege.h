/*
 * Privilege: whether starting a file makes the kernel say AT_SECURE, upon which the dynamic loader
 * ignores LD_PRELOAD (ld.so(8), "secure-execution mode").
 */
#ifndef VCACHE_TOOLS_PRIVILEGE_H
#define VCACHE_TOOLS_PRIVILEGE_H

/* What the file gains for this user, as in "is setuid"; NULL when it gains nothing. */
const char *privilege_gained(const char *path);

#endif
