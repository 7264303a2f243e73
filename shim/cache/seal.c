/* Seals and derived keys: see seal.h. */
#include "cache/seal.h"

#include "base/late.h"

#include <string.h>
#include <sys/random.h>

enum { NONCE_SIZE = 12, TAG_SIZE = 16, DIGEST_SIZE = 32 };

/* RFC 7914's cost N and block size r: 1 MiB of memory, some 2 ms. A warm run pays it once. */
enum { SCRYPT_COST = 1024, SCRYPT_BLOCK = 8, SCRYPT_PARALLEL = 1, SCRYPT_MEMORY = 4 << 20 };

/* The program may share its libcrypto with the shim, and so the thread's queue of errors. */
struct quiet {
    const struct late_crypto *crypto;
};

static bool quiet_begin(struct quiet *quiet)
{
    quiet->crypto = late_crypto();
    if (!quiet->crypto)
        return false;
    quiet->crypto->ERR_set_mark();
    return true;
}

static void quiet_end(const struct quiet *quiet)
{
    quiet->crypto->ERR_pop_to_mark();
}

static bool keyed_digest(const uint8_t key[32], const char *label, const struct span *parts,
                         size_t count, uint8_t digest[DIGEST_SIZE])
{
    struct quiet quiet;
    if (!quiet_begin(&quiet))
        return false;
    struct buffer message = {0};
    buffer_append_sized(&message, span_of_text(label));
    for (size_t i = 0; i < count; i++)
        buffer_append_sized(&message, parts[i]);
    unsigned size = 0;
    bool is_done = !message.failed &&
                   quiet.crypto->HMAC(quiet.crypto->EVP_sha256(), key, 32, message.data,
                                      message.size, digest, &size) &&
                   size == DIGEST_SIZE;
    buffer_wipe(&message);
    buffer_free(&message);
    quiet_end(&quiet);
    return is_done;
}

bool seal_identify(const uint8_t key[32], const char *label, const struct span *parts, size_t count,
                   uint8_t id[16])
{
    uint8_t digest[DIGEST_SIZE];
    if (!keyed_digest(key, label, parts, count, digest))
        return false;
    memcpy(id, digest, 16);
    explicit_bzero(digest, sizeof(digest));
    return true;
}

bool seal_derive(const struct cache_secret *secret, struct span context, struct span password,
                 struct seal_key *key)
{
    uint8_t salt[DIGEST_SIZE];
    struct quiet quiet;
    if (!keyed_digest(secret->master, "password", &context, 1, salt) || !quiet_begin(&quiet))
        return false;
    bool is_done =
        quiet.crypto->EVP_PBE_scrypt((const char *)password.data, password.size, salt, sizeof(salt),
                                     SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_PARALLEL, SCRYPT_MEMORY,
                                     key->bytes, sizeof(key->bytes)) == 1;
    quiet_end(&quiet);
    explicit_bzero(salt, sizeof(salt));
    return is_done;
}

static bool encrypt(const struct late_crypto *crypto, EVP_CIPHER_CTX *context,
                    const struct seal_key *key, struct span bound_to, struct span plain,
                    uint8_t *sealed)
{
    int size = 0;
    uint8_t *nonce = sealed;
    uint8_t *text = sealed + NONCE_SIZE;
    if (getrandom(nonce, NONCE_SIZE, 0) != NONCE_SIZE)
        return false;
    return crypto->EVP_EncryptInit_ex(context, crypto->EVP_aes_256_gcm(), NULL, key->bytes,
                                      nonce) == 1 &&
           crypto->EVP_EncryptUpdate(context, NULL, &size, bound_to.data, (int)bound_to.size) ==
               1 &&
           crypto->EVP_EncryptUpdate(context, text, &size, plain.data, (int)plain.size) == 1 &&
           crypto->EVP_EncryptFinal_ex(context, text + size, &size) == 1 &&
           crypto->EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
                                       text + plain.size) == 1;
}

bool seal_close(const struct seal_key *key, struct span bound_to, struct span plain,
                struct buffer *sealed)
{
    struct quiet quiet;
    if (plain.size > INT32_MAX || bound_to.size > INT32_MAX || !quiet_begin(&quiet))
        return false;
    EVP_CIPHER_CTX *context = quiet.crypto->EVP_CIPHER_CTX_new();
    bool is_done =
        context && buffer_reserve(sealed, plain.size + SEAL_OVERHEAD) &&
        encrypt(quiet.crypto, context, key, bound_to, plain, sealed->data + sealed->size);
    if (is_done)
        sealed->size += plain.size + SEAL_OVERHEAD;
    quiet.crypto->EVP_CIPHER_CTX_free(context);
    quiet_end(&quiet);
    return is_done;
}

static bool decrypt(const struct late_crypto *crypto, EVP_CIPHER_CTX *context,
                    const struct seal_key *key, struct span bound_to, struct span sealed,
                    uint8_t *plain)
{
    int size = 0;
    int text_size = (int)(sealed.size - SEAL_OVERHEAD);
    const uint8_t *text = sealed.data + NONCE_SIZE;
    uint8_t tag[TAG_SIZE];
    memcpy(tag, text + text_size, TAG_SIZE);
    return crypto->EVP_DecryptInit_ex(context, crypto->EVP_aes_256_gcm(), NULL, key->bytes,
                                      sealed.data) == 1 &&
           crypto->EVP_DecryptUpdate(context, NULL, &size, bound_to.data, (int)bound_to.size) ==
               1 &&
           crypto->EVP_DecryptUpdate(context, plain, &size, text, text_size) == 1 &&
           crypto->EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
           crypto->EVP_DecryptFinal_ex(context, plain + text_size, &size) == 1;
}

bool seal_open(const struct seal_key *key, struct span bound_to, struct span sealed,
               struct buffer *plain)
{
    struct quiet quiet;
    if (sealed.size < SEAL_OVERHEAD || sealed.size > INT32_MAX || bound_to.size > INT32_MAX ||
        !quiet_begin(&quiet))
        return false;
    EVP_CIPHER_CTX *context = quiet.crypto->EVP_CIPHER_CTX_new();
    size_t size = sealed.size - SEAL_OVERHEAD;
    bool is_done = context && buffer_reserve(plain, size + 1) &&
                   decrypt(quiet.crypto, context, key, bound_to, sealed, plain->data + plain->size);
    if (is_done)
        plain->size += size;
    quiet.crypto->EVP_CIPHER_CTX_free(context);
    quiet_end(&quiet);
    return is_done;
}
