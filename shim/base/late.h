/*
 * Late libraries: LMDB, expat, libcrypto and zlib are opened at the first vSphere request of a
 * process (RTLD_LOCAL) and reached through these tables only, so that the preloaded object needs
 * nothing but libc, and a process that never speaks to a vCenter never loads them.
 *
 * Each late_…() returns the whole table or NULL when the library or one of its functions is
 * missing; the caller passes through. Thread-safe; opened once; never closed.
 */
#ifndef VCACHE_BASE_LATE_H
#define VCACHE_BASE_LATE_H

#include <expat.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#define LATE_LMDB(F)                                                                               \
    F(mdb_env_create)                                                                              \
    F(mdb_env_open)                                                                                \
    F(mdb_env_close)                                                                               \
    F(mdb_env_set_mapsize)                                                                         \
    F(mdb_env_set_maxdbs)                                                                          \
    F(mdb_env_set_maxreaders)                                                                      \
    F(mdb_env_set_assert)                                                                          \
    F(mdb_env_get_fd)                                                                              \
    F(mdb_env_info)                                                                                \
    F(mdb_env_stat)                                                                                \
    F(mdb_env_get_maxkeysize)                                                                      \
    F(mdb_reader_check)                                                                            \
    F(mdb_txn_begin)                                                                               \
    F(mdb_txn_commit)                                                                              \
    F(mdb_txn_abort)                                                                               \
    F(mdb_txn_reset)                                                                               \
    F(mdb_txn_renew)                                                                               \
    F(mdb_dbi_open)                                                                                \
    F(mdb_drop)                                                                                    \
    F(mdb_stat)                                                                                    \
    F(mdb_get)                                                                                     \
    F(mdb_put)                                                                                     \
    F(mdb_del)                                                                                     \
    F(mdb_cursor_open)                                                                             \
    F(mdb_cursor_close)                                                                            \
    F(mdb_cursor_get)                                                                              \
    F(mdb_cursor_del)                                                                              \
    F(mdb_strerror)

#define LATE_EXPAT(F)                                                                              \
    F(XML_ParserCreate_MM)                                                                         \
    F(XML_ParserFree)                                                                              \
    F(XML_ParserReset)                                                                             \
    F(XML_SetHashSalt)                                                                             \
    F(XML_Parse)                                                                                   \
    F(XML_StopParser)                                                                              \
    F(XML_SetUserData)                                                                             \
    F(XML_SetElementHandler)                                                                       \
    F(XML_SetCharacterDataHandler)                                                                 \
    F(XML_SetNamespaceDeclHandler)                                                                 \
    F(XML_SetStartDoctypeDeclHandler)                                                              \
    F(XML_GetCurrentByteIndex)                                                                     \
    F(XML_GetCurrentByteCount)                                                                     \
    F(XML_GetErrorCode)

#define LATE_CRYPTO(F)                                                                             \
    F(EVP_PBE_scrypt)                                                                              \
    F(EVP_sha256)                                                                                  \
    F(HMAC)                                                                                        \
    F(EVP_CIPHER_CTX_new)                                                                          \
    F(EVP_CIPHER_CTX_free)                                                                         \
    F(EVP_CIPHER_CTX_ctrl)                                                                         \
    F(EVP_aes_256_gcm)                                                                             \
    F(EVP_EncryptInit_ex)                                                                          \
    F(EVP_EncryptUpdate)                                                                           \
    F(EVP_EncryptFinal_ex)                                                                         \
    F(EVP_DecryptInit_ex)                                                                          \
    F(EVP_DecryptUpdate)                                                                           \
    F(EVP_DecryptFinal_ex)                                                                         \
    F(ERR_set_mark)                                                                                \
    F(ERR_pop_to_mark)

#define LATE_ZLIB(F)                                                                               \
    F(inflateInit2_)                                                                               \
    F(inflate)                                                                                     \
    F(inflateReset)                                                                                \
    F(inflateValidate)                                                                             \
    F(inflateEnd)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declarator takes none */
#define LATE_MEMBER(name) __typeof__(name) *name;
struct late_lmdb {
    LATE_LMDB(LATE_MEMBER)
};
struct late_expat {
    LATE_EXPAT(LATE_MEMBER)
};
struct late_crypto {
    LATE_CRYPTO(LATE_MEMBER)
};
struct late_zlib {
    LATE_ZLIB(LATE_MEMBER)
};
#undef LATE_MEMBER

const struct late_lmdb *late_lmdb(void);
const struct late_expat *late_expat(void);
const struct late_crypto *late_crypto(void);
const struct late_zlib *late_zlib(void);

/* The name of the first late library that cannot be had ("liblmdb.so.0"), or NULL: for messages. */
const char *late_missing(void);

#endif
