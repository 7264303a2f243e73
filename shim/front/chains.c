/* Chains: see chains.h. */
#include "front/chains.h"

enum { KEPT = 8 };

struct kept {
    const struct openssl *openssl;
    struct buffer bytes; /* of all its certificates, each sized */
    STACK_OF(X509) * chain;
    struct chain_trust trust;
};

static struct kept kept[KEPT];
static unsigned next;
static atomic_bool is_locked;

/* Whoever comes meanwhile decodes for himself; so does the child of a thread that forked meanwhile.
 */
static bool lock(void)
{
    return !atomic_exchange_explicit(&is_locked, true, memory_order_acquire);
}

static void unlock(void)
{
    atomic_store_explicit(&is_locked, false, memory_order_release);
}

void chains_free(const struct openssl *openssl, STACK_OF(X509) * chain)
{
    void (*free_certificate)(X509 *) = openssl->X509_free;
    if (chain)
        openssl->OPENSSL_sk_pop_free((OPENSSL_STACK *)chain, (OPENSSL_sk_freefunc)free_certificate);
}

/* Takes the certificate over; false, and nothing is left, on failure. */
static bool push(const struct openssl *openssl, STACK_OF(X509) * *chain, X509 *certificate)
{
    if (certificate && openssl->OPENSSL_sk_push((OPENSSL_STACK *)*chain, certificate) > 0)
        return true;
    openssl->X509_free(certificate);
    chains_free(openssl, *chain);
    *chain = NULL;
    return false;
}

/* With its extensions decoded, too, which OpenSSL would put off until it first needs them: then
 * another thread may have it already. */
static X509 *decode_one(const struct openssl *openssl, struct span bytes)
{
    const unsigned char *at = bytes.data;
    X509 *certificate = openssl->d2i_X509(NULL, &at, (long)bytes.size);
    if (certificate)
        openssl->X509_check_purpose(certificate, -1, 0);
    return certificate;
}

static bool digest(const struct openssl *openssl, STACK_OF(X509) * chain, struct chain_trust *trust)
{
    const X509 *leaf = openssl->OPENSSL_sk_value((OPENSSL_STACK *)chain, 0);
    return leaf && trust_digest(openssl, leaf, false, &trust->unverified) &&
           trust_digest(openssl, leaf, true, &trust->verified);
}

static STACK_OF(X509) *
    decode(const struct openssl *openssl, const struct peer_chain *chain, struct chain_trust *trust)
{
    STACK_OF(X509) *decoded = (STACK_OF(X509) *)openssl->OPENSSL_sk_new_null();
    for (size_t i = 0; decoded && i < chain->count; i++)
        if (!push(openssl, &decoded, decode_one(openssl, chain->certificates[i])))
            return NULL;
    if (decoded && digest(openssl, decoded, trust))
        return decoded;
    chains_free(openssl, decoded);
    return NULL;
}

static STACK_OF(X509) * copy(const struct openssl *openssl, STACK_OF(X509) * chain)
{
    STACK_OF(X509) *copied = (STACK_OF(X509) *)openssl->OPENSSL_sk_new_null();
    int count = openssl->OPENSSL_sk_num((OPENSSL_STACK *)chain);
    for (int i = 0; copied && i < count; i++) {
        X509 *certificate = openssl->OPENSSL_sk_value((OPENSSL_STACK *)chain, i);
        if (!push(openssl, &copied, openssl->X509_up_ref(certificate) == 1 ? certificate : NULL))
            break;
    }
    return copied;
}

/* Locked. A copy of the kept one, or NULL. */
static STACK_OF(X509) *
    find(const struct openssl *openssl, struct span bytes, struct chain_trust *trust)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i].openssl != openssl || !span_equal(buffer_span(&kept[i].bytes), bytes))
            continue;
        *trust = kept[i].trust;
        return copy(openssl, kept[i].chain);
    }
    return NULL;
}

/* Locked. Takes `bytes` over. */
static void keep(const struct openssl *openssl, struct buffer *bytes, STACK_OF(X509) * chain,
                 const struct chain_trust *trust)
{
    struct kept *place = &kept[next++ % KEPT];
    STACK_OF(X509) *own = copy(openssl, chain);
    if (!own)
        return;
    if (place->openssl)
        chains_free(place->openssl, place->chain);
    buffer_free(&place->bytes);
    *place = (struct kept){openssl, *bytes, own, *trust};
    *bytes = (struct buffer){0};
}

STACK_OF(X509) * chains_decode(const struct openssl *openssl, const struct peer_chain *chain,
                               struct chain_trust *trust)
{
    struct buffer bytes = {0};
    STACK_OF(X509) *found = NULL;
    for (size_t i = 0; i < chain->count; i++)
        buffer_append_sized(&bytes, chain->certificates[i]);
    bool is_ours = !bytes.failed && lock();
    if (is_ours)
        found = find(openssl, buffer_span(&bytes), trust);
    if (!found) {
        found = decode(openssl, chain, trust);
        if (is_ours && found)
            keep(openssl, &bytes, found, trust);
    }
    if (is_ours)
        unlock();
    buffer_free(&bytes);
    return found;
}
