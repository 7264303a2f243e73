/* A planted fault: who is told that his session has ended is left to himself. */
#include "exchange/state.h"

bool __wrap_errand_heals(struct exchange *x);

bool __wrap_errand_heals(struct exchange *x)
{
    (void)x;
    return false;
}
