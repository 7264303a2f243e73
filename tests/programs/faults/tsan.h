/* For a build with -fsanitize=thread, whose runtime does not know pthread_mutex_clocklock and so
 * takes what it guards for unguarded: the same by a function that it knows. */
#include <pthread.h>
#include <time.h>

static inline int known_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *until)
{
    struct timespec now, there;
    clock_gettime(clock, &now);
    clock_gettime(CLOCK_REALTIME, &there);
    long more = (until->tv_sec - now.tv_sec) * 1000000000L + until->tv_nsec - now.tv_nsec;
    long sum = there.tv_nsec + (more > 0 ? more : 0);
    there.tv_sec += sum / 1000000000L;
    there.tv_nsec = sum % 1000000000L;
    return pthread_mutex_timedlock(mutex, &there);
}
#define pthread_mutex_clocklock known_clocklock
