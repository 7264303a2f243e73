/* Plain handles: see curl_plain.h. */
#include "front/curl_plain.h"

enum bearing { FREE, CHANGES, ODD, MUTE, SPOILS };

enum place {
#define PLAIN(name, bearing) PLACE_##name,
#include "front/curl_plain.def"
#undef PLAIN
    /* Of those whose value counts: */
    FIRST_COUNTED = PLACE_NOPROGRESS,
    LAST_COUNTED = PLACE_XOAUTH2_BEARER
};

_Static_assert(LAST_COUNTED - FIRST_COUNTED < 64, "one bit each");

static enum bearing bearing_of(CURLoption option, unsigned *bit)
{
    switch (option) {
#define PLAIN(name, bearing)                                                                       \
    case CURLOPT_##name:                                                                           \
        *bit = (unsigned)PLACE_##name - FIRST_COUNTED;                                             \
        return bearing;
#include "front/curl_plain.def"
#undef PLAIN
    default:
        return SPOILS;
    }
}

static bool is_zero(CURLoption option, const union curl_argument *argument)
{
    if (option < CURLOPTTYPE_OBJECTPOINT)
        return argument->number == 0;
    if (option < CURLOPTTYPE_FUNCTIONPOINT)
        return !argument->object;
    return option < CURLOPTTYPE_OFF_T ? !argument->function : argument->offset == 0;
}

static void count(struct curl_plain *plain, unsigned bit, bool is_odd)
{
    uint64_t before = plain->odd;
    if (is_odd)
        plain->odd |= UINT64_C(1) << bit;
    else
        plain->odd &= ~(UINT64_C(1) << bit);
    plain->changes += is_odd || plain->odd != before;
}

void curl_plain_notice(struct curl_plain *plain, CURLoption option,
                       const union curl_argument *argument, bool is_same)
{
    unsigned bit = 0;
    /* A file of cookies is read again before each transfer. */
    plain->is_spoilt |=
        option == CURLOPT_COOKIEFILE && argument->object && *(const char *)argument->object != '\0';
    switch (bearing_of(option, &bit)) {
    case FREE:
        break;
    case CHANGES:
        plain->changes += !is_same;
        break;
    case ODD:
        count(plain, bit, !is_zero(option, argument));
        break;
    case MUTE:
        count(plain, bit, is_zero(option, argument));
        break;
    case SPOILS:
        plain->is_spoilt = true;
        break;
    }
}

void curl_plain_reset(struct curl_plain *plain)
{
    *plain = (struct curl_plain){.changes = plain->changes + 1};
}

void curl_plain_change(struct curl_plain *plain)
{
    plain->changes++;
}
