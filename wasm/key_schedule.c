/*
 * The key schedules of TLS 1.2 and 1.3 as OpenSSL's default provider offers them, TLS1-PRF and TLS13-KDF. A handshake makes some forty
 * derivations, and what OpenSSL's own spend on contexts, parameters and looking up digests is twice the hashing. These take the place
 * of OpenSSL's tls1_prf.c and hkdf.c, whose other function, HKDF, only the HPKE of encrypted hellos has a use for.
 */
#include "engine.h"
#include "hmac.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

uint8_t *__real_EVP_Q_mac(OSSL_LIB_CTX *library, const char *name, const char *properties, const char *digest, const OSSL_PARAM *parameters,
                          const void *secret, size_t secret_length, const uint8_t *bytes, size_t length, uint8_t *out, size_t room,
                          size_t *out_length);

/* These have no state: all parameters come with derive. */
static void *new_context(void *provider) { return provider; }
static void free_context(void *context) { (void)context; }

static struct ktls_part parameter(const OSSL_PARAM *parameters, const char *name) {
    const OSSL_PARAM *found = OSSL_PARAM_locate_const(parameters, name);
    return found && found->data ? (struct ktls_part){found->data, found->data_size} : (struct ktls_part){NULL, 0};
}

/* HKDF-Expand (RFC 5869 §2.3). */
static int expand(const struct ktls_hmac_key *key, const struct ktls_part *info, size_t count, uint8_t *out, size_t length) {
    const size_t size = ktls_hash_size(key->hash);
    uint8_t block[KTLS_LONGEST_HASH];
    struct ktls_part parts[8] = {{block, 0}};
    uint8_t counter = 0;
    if (length > 255 * size || count + 2 > sizeof parts / sizeof *parts) return 0;
    memcpy(parts + 1, info, count * sizeof *info);
    parts[count + 1] = (struct ktls_part){&counter, 1};
    for (size_t done = 0; done < length; done += size) {
        counter++;
        ktls_hmac(key, parts, count + 2, block);
        parts[0].length = size;
        memcpy(out + done, block, length - done < size ? length - done : size);
    }
    OPENSSL_cleanse(block, sizeof block);
    return 1;
}

/* HKDF-Expand-Label (RFC 8446 §7.1). */
static int expand_label(const struct ktls_hash *hash, struct ktls_part secret, struct ktls_part prefix, struct ktls_part label,
                        struct ktls_part data, uint8_t *out, size_t length) {
    if (length > UINT16_MAX || prefix.length + label.length > UINT8_MAX || data.length > UINT8_MAX) return 0;
    const uint8_t head[] = {(uint8_t)(length >> 8), (uint8_t)length, (uint8_t)(prefix.length + label.length)};
    const uint8_t data_length = (uint8_t)data.length;
    const struct ktls_part info[] = {{head, sizeof head}, prefix, label, {&data_length, 1}, data};
    struct ktls_hmac_key key;
    ktls_hmac_use_key(&key, hash, secret.bytes, secret.length);
    const int ok = expand(&key, info, sizeof info / sizeof *info, out, length);
    OPENSSL_cleanse(&key, sizeof key);
    return ok;
}

/* The next secret down the schedule of RFC 8446 §7.1: HKDF-Extract(Derive-Secret(salt, "derived", ""), key). */
static int extract(const struct ktls_hash *hash, struct ktls_part salt, struct ktls_part prefix, struct ktls_part label,
                   struct ktls_part input, uint8_t *out, size_t length) {
    static const uint8_t zeros[KTLS_LONGEST_HASH];
    const size_t size = ktls_hash_size(hash);
    uint8_t derived[KTLS_LONGEST_HASH] = {0}, nothing[KTLS_LONGEST_HASH];
    if (length != size) return 0;
    if (salt.bytes) {
        ktls_hash(hash, NULL, 0, nothing);
        if (!expand_label(hash, salt, prefix, label, (struct ktls_part){nothing, size}, derived, size)) return 0;
    }
    if (!input.bytes) input = (struct ktls_part){zeros, size};
    struct ktls_hmac_key key;
    ktls_hmac_use_key(&key, hash, derived, size);
    ktls_hmac(&key, &input, 1, out);
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(derived, sizeof derived);
    return 1;
}

static const struct ktls_hash *hash_of(const OSSL_PARAM *parameters) {
    const struct ktls_part name = parameter(parameters, OSSL_KDF_PARAM_DIGEST);
    return name.bytes ? ktls_hash_by_name(name.bytes) : NULL;
}

static int derive_tls13(void *context, uint8_t *out, size_t length, const OSSL_PARAM *parameters) {
    (void)context;
    int mode = -1;
    const OSSL_PARAM *mode_parameter = OSSL_PARAM_locate_const(parameters, OSSL_KDF_PARAM_MODE);
    const struct ktls_hash *hash = hash_of(parameters);
    const struct ktls_part key = parameter(parameters, OSSL_KDF_PARAM_KEY), prefix = parameter(parameters, OSSL_KDF_PARAM_PREFIX),
                           label = parameter(parameters, OSSL_KDF_PARAM_LABEL);
    if (!hash || !mode_parameter || !OSSL_PARAM_get_int(mode_parameter, &mode)) return 0;
    if (mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
        return extract(hash, parameter(parameters, OSSL_KDF_PARAM_SALT), prefix, label, key, out, length);
    if (mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY || !key.bytes) return 0;
    return expand_label(hash, key, prefix, label, parameter(parameters, OSSL_KDF_PARAM_DATA), out, length);
}

/* P_hash (RFC 5246 §5), added to what is in `out`. */
static void add_prf(const struct ktls_hash *hash, struct ktls_part secret, const struct ktls_part *seeds, size_t count, uint8_t *out, size_t length) {
    const size_t size = ktls_hash_size(hash);
    uint8_t block[KTLS_LONGEST_HASH], chain[KTLS_LONGEST_HASH];
    struct ktls_part parts[8] = {{chain, size}};
    struct ktls_hmac_key key;
    memcpy(parts + 1, seeds, count * sizeof *seeds);
    ktls_hmac_use_key(&key, hash, secret.bytes, secret.length);
    ktls_hmac(&key, seeds, count, chain);
    for (size_t done = 0; done < length; done += size) {
        ktls_hmac(&key, parts, count + 1, block);
        for (size_t i = 0; i < size && done + i < length; i++) out[done + i] ^= block[i];
        ktls_hmac(&key, parts, 1, chain);
    }
    OPENSSL_cleanse(&key, sizeof key);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(chain, sizeof chain);
}

/* PRF of TLS 1.2, and of 1.0 and 1.1, where it is of two hashes with half of the secret each (RFC 2246 §5). */
static int derive_prf(void *context, uint8_t *out, size_t length, const OSSL_PARAM *parameters) {
    (void)context;
    const struct ktls_part name = parameter(parameters, OSSL_KDF_PARAM_DIGEST);
    struct ktls_part secret = parameter(parameters, OSSL_KDF_PARAM_SECRET), seeds[7];
    size_t count = 0;
    for (const OSSL_PARAM *one = parameters; one->key; one++) {
        if (strcmp(one->key, OSSL_KDF_PARAM_SEED) || !one->data_size) continue;
        if (count == sizeof seeds / sizeof *seeds) return 0;
        seeds[count++] = (struct ktls_part){one->data, one->data_size};
    }
    if (!name.bytes || !secret.bytes || !count || !length) return 0;
    memset(out, 0, length);
    if (strcmp(name.bytes, "MD5-SHA1")) {
        const struct ktls_hash *hash = ktls_hash_by_name(name.bytes);
        if (hash) add_prf(hash, secret, seeds, count, out, length);
        return hash != NULL;
    }
    const size_t half = (secret.length + 1) / 2;
    const uint8_t *bytes = secret.bytes;
    add_prf(ktls_hash_by_name("MD5"), (struct ktls_part){bytes, half}, seeds, count, out, length);
    add_prf(ktls_hash_by_name("SHA1"), (struct ktls_part){bytes + secret.length - half, half}, seeds, count, out, length);
    return 1;
}

/* OpenSSL takes a table without functions for a fault of the provider's. */
static int derive_nothing(void *context, uint8_t *out, size_t length, const OSSL_PARAM *parameters) {
    (void)context;
    (void)out;
    (void)length;
    (void)parameters;
    return 0;
}

/* What Finished is made of (RFC 8446 §4.4.4). */
uint8_t *__wrap_EVP_Q_mac(OSSL_LIB_CTX *library, const char *name, const char *properties, const char *digest, const OSSL_PARAM *parameters,
                          const void *secret, size_t secret_length, const uint8_t *bytes, size_t length, uint8_t *out, size_t room,
                          size_t *out_length) {
    const struct ktls_hash *hash = strcmp(name, "HMAC") || !digest ? NULL : ktls_hash_by_name(digest);
    if (!hash || !out || room < ktls_hash_size(hash))
        return __real_EVP_Q_mac(library, name, properties, digest, parameters, secret, secret_length, bytes, length, out, room, out_length);
    const struct ktls_part part = {bytes, length};
    struct ktls_hmac_key key;
    ktls_hmac_use_key(&key, hash, secret, secret_length);
    ktls_hmac(&key, &part, 1, out);
    OPENSSL_cleanse(&key, sizeof key);
    if (out_length) *out_length = ktls_hash_size(hash);
    return out;
}

#define KDF(derive)                                                                                                              \
    {                                                                                                                            \
        {OSSL_FUNC_KDF_NEWCTX, (void (*)(void))new_context}, {OSSL_FUNC_KDF_FREECTX, (void (*)(void))free_context},               \
        {OSSL_FUNC_KDF_DERIVE, (void (*)(void))(derive)}, OSSL_DISPATCH_END                                                      \
    }
const OSSL_DISPATCH ossl_kdf_tls1_3_kdf_functions[] = KDF(derive_tls13);
const OSSL_DISPATCH ossl_kdf_tls1_prf_functions[] = KDF(derive_prf);

/* The provider lists these, and TLS has no use for them: without them the module is a fiftieth smaller. */
#ifndef KTLS_ECH
const OSSL_DISPATCH ossl_kdf_hkdf_functions[] = KDF(derive_nothing);
#endif
const OSSL_DISPATCH ossl_kdf_sskdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_x963_kdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_x942_kdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_kbkdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_krb5kdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_sshkdf_functions[] = KDF(derive_nothing);
const OSSL_DISPATCH ossl_kdf_hmac_drbg_functions[] = KDF(derive_nothing);
