/* How Net::HTTP is told that a connection timed out: see ruby.h. */
#include "front/ruby.h"

#include <dlfcn.h>
#include <string.h>

static const char script[] =
    "raise Net::OpenTimeout, 'Failed to open TCP connection (Connection timed out)' "
    "if caller.any? { |line| line.include?('/net/protocol.rb:') }";

void ruby_raise_time_out(void)
{
    int (*holds_lock)(void);
    unsigned long (*eval)(const char *);
    void *symbols[] = {dlsym(RTLD_DEFAULT, "ruby_thread_has_gvl_p"),
                       dlsym(RTLD_DEFAULT, "rb_eval_string")};
    memcpy(&holds_lock, &symbols[0], sizeof(holds_lock));
    memcpy(&eval, &symbols[1], sizeof(eval));
    if (holds_lock && eval && holds_lock())
        eval(script);
}
