/*
 * How Net::HTTP, and whoever builds on it (rbvmomi), is told that a connection timed out.
 *
 * It says by the class in which phase that was, and would take a failed write for Errno::ETIMEDOUT,
 * which is no Timeout::Error. So what its connect would have raised is raised in the write's place.
 */
#ifndef VCACHE_FRONT_RUBY_H
#define VCACHE_FRONT_RUBY_H

#include <stdbool.h>

/* Within a call from Ruby's openssl module: whether Net::HTTP is among its callers. Does not return
 * if another thread of Ruby's has raised something in this one. */
bool ruby_is_in_net_http(void);

/* Likewise; nor does it if Net::HTTP is. Ruby unwinds the stack by longjmp, so that for neither a
 * lock may be held and anything be left to do. */
void ruby_raise_time_out(void);

#endif
