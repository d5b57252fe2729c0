#include "hmac.h"

/* OpenSSL's providers use the functions below in this way, too. */
#include "internal/deprecated.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

enum { LONGEST_BLOCK = 128 };

union state {
    MD5_CTX md5;
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha512;
};
_Static_assert(sizeof(union state) <= sizeof ((struct ktls_hmac_key *)0)->inner, "states fit into a key");

struct ktls_hash {
    const char *name;
    size_t size;
    size_t block;
    void (*start)(union state *state);
    void (*add)(union state *state, const void *bytes, size_t length);
    void (*end)(union state *state, uint8_t *out);
};

#define HASH(name, field, Init, Update, Final)                                                                       \
    static void name##_start(union state *state) { Init(&state->field); }                                           \
    static void name##_add(union state *state, const void *bytes, size_t length) { Update(&state->field, bytes, length); } \
    static void name##_end(union state *state, uint8_t *out) { Final(out, &state->field); }
HASH(md5, md5, MD5_Init, MD5_Update, MD5_Final)
HASH(sha1, sha1, SHA1_Init, SHA1_Update, SHA1_Final)
HASH(sha256, sha256, SHA256_Init, SHA256_Update, SHA256_Final)
HASH(sha384, sha512, SHA384_Init, SHA384_Update, SHA384_Final)
HASH(sha512, sha512, SHA512_Init, SHA512_Update, SHA512_Final)

/* By the names that libssl has for a handshake's hash. */
static const struct ktls_hash hashes[] = {
    {"SHA2-256", 32, 64, sha256_start, sha256_add, sha256_end},  {"SHA2-384", 48, 128, sha384_start, sha384_add, sha384_end},
    {"SHA256", 32, 64, sha256_start, sha256_add, sha256_end},    {"SHA384", 48, 128, sha384_start, sha384_add, sha384_end},
    {"SHA2-512", 64, 128, sha512_start, sha512_add, sha512_end}, {"SHA512", 64, 128, sha512_start, sha512_add, sha512_end},
    {"MD5", 16, 64, md5_start, md5_add, md5_end},                {"SHA1", 20, 64, sha1_start, sha1_add, sha1_end},
};

const struct ktls_hash *ktls_hash_by_name(const char *name) {
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        if (!strcmp(hashes[i].name, name)) return &hashes[i];
    return NULL;
}

size_t ktls_hash_size(const struct ktls_hash *hash) { return hash->size; }

void ktls_hash(const struct ktls_hash *hash, const void *bytes, size_t length, uint8_t *out) {
    union state state;
    hash->start(&state);
    if (length) hash->add(&state, bytes, length);
    hash->end(&state, out);
    OPENSSL_cleanse(&state, sizeof state);
}

static void start_padded(union state *state, const struct ktls_hash *hash, const uint8_t *key, uint8_t pad) {
    uint8_t block[LONGEST_BLOCK];
    for (size_t i = 0; i < hash->block; i++) block[i] = key[i] ^ pad;
    hash->start(state);
    hash->add(state, block, hash->block);
    OPENSSL_cleanse(block, hash->block);
}

void ktls_hmac_use_key(struct ktls_hmac_key *key, const struct ktls_hash *hash, const void *bytes, size_t length) {
    uint8_t padded[LONGEST_BLOCK] = {0};
    if (length > hash->block) ktls_hash(hash, bytes, length, padded);
    else if (length) memcpy(padded, bytes, length);
    key->hash = hash;
    start_padded((union state *)key->inner, hash, padded, 0x36);
    start_padded((union state *)key->outer, hash, padded, 0x5c);
    OPENSSL_cleanse(padded, sizeof padded);
}

void ktls_hmac(const struct ktls_hmac_key *key, const struct ktls_part *parts, size_t count, uint8_t *out) {
    const struct ktls_hash *hash = key->hash;
    uint8_t inner[KTLS_LONGEST_HASH];
    union state state;
    memcpy(&state, key->inner, sizeof state);
    for (size_t i = 0; i < count; i++)
        if (parts[i].length) hash->add(&state, parts[i].bytes, parts[i].length);
    hash->end(&state, inner);
    memcpy(&state, key->outer, sizeof state);
    hash->add(&state, inner, hash->size);
    hash->end(&state, out);
    OPENSSL_cleanse(&state, sizeof state);
    OPENSSL_cleanse(inner, hash->size);
}
