/*
 * Signatures are made and verified by JavaScript (node:crypto), which has assembly where this module has plain C: RSA-2048 takes it a
 * tenth of the time. Private keys therefore never come here: what a context holds is the public key, marked with a number that
 * JavaScript knows the private key by. The linker puts __wrap_X in the place of X (--wrap, CMakeLists.txt).
 */
#include "engine.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

int __real_EVP_DigestSign(EVP_MD_CTX *context, uint8_t *signature, size_t *signature_length, const uint8_t *bytes, size_t length);
int __real_EVP_DigestVerify(EVP_MD_CTX *context, const uint8_t *signature, size_t signature_length, const uint8_t *bytes, size_t length);
int __real_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, uint8_t *out, size_t *out_length, const uint8_t *in, size_t in_length);

enum { PKCS1 = 1, PSS = 2 };

/* Head of a question; src/engine/openssl/signatures.ts reads it. */
struct head {
    uint32_t key; /* its number; to verify: the length of its DER, which follows the signature */
    union {
        uint16_t length; /* to verify: of the signature, which follows */
        uint16_t version; /* to decrypt: the client's */
    };
    uint8_t digest;
    uint8_t padding;
};

static void on_free(void *key, void *number, CRYPTO_EX_DATA *data, int index, long argument, void *pointer) {
    (void)key;
    (void)data;
    (void)index;
    (void)argument;
    (void)pointer;
    const uint32_t value = (uint32_t)(uintptr_t)number;
    if (value) ktls_ask(NULL, KTLS_ASK_FORGET_KEY, &value, sizeof value);
}

static int number_index(void) {
    static int index = -1;
    if (index < 0) index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, on_free);
    return index;
}

static uint32_t number_of(const EVP_PKEY *key) {
    return key ? (uint32_t)(uintptr_t)EVP_PKEY_get_ex_data(key, number_index()) : 0;
}

/* A key's DER, made once: shared certificates (certificates.c) have theirs at hand. */
struct der {
    size_t length;
    uint8_t bytes[];
};

static void on_free_der(void *key, void *der, CRYPTO_EX_DATA *data, int index, long argument, void *pointer) {
    (void)key;
    (void)data;
    (void)index;
    (void)argument;
    (void)pointer;
    OPENSSL_free(der);
}

static const struct der *der_of(EVP_PKEY *key) {
    static int index = -1;
    if (index < 0) index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, on_free_der);
    struct der *der = EVP_PKEY_get_ex_data(key, index);
    if (der) return der;
    uint8_t *bytes = NULL;
    const int length = i2d_PUBKEY(key, &bytes);
    if (length > 0) der = OPENSSL_malloc(sizeof *der + (size_t)length);
    if (der) {
        der->length = (size_t)length;
        memcpy(der->bytes, bytes, (size_t)length);
        if (!EVP_PKEY_set_ex_data(key, index, der)) {
            OPENSSL_free(der);
            der = NULL;
        }
    }
    OPENSSL_free(bytes);
    return der;
}

/* The key of the last certificate: its public half (DER, SubjectPublicKeyInfo), and the number of the private one. */
int KTLS_EXPORT(ktls_context_use_key)(SSL_CTX *context, const uint8_t *der, uint32_t length, uint32_t number) {
    ERR_clear_error();
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)length);
    const int ok = key && EVP_PKEY_set_ex_data(key, number_index(), (void *)(uintptr_t)number) && SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    return ok;
}

/* 0: one that JavaScript is not asked to use. */
static int describe(EVP_MD_CTX *context, EVP_PKEY *key, struct head *head) {
    const EVP_MD *digest = EVP_MD_CTX_get0_md(context);
    switch (digest ? EVP_MD_get_type(digest) : NID_undef) {
    case NID_undef: head->digest = 0; break;
    case NID_sha1: head->digest = 1; break;
    case NID_sha256: head->digest = 2; break;
    case NID_sha384: head->digest = 3; break;
    case NID_sha512: head->digest = 4; break;
    case NID_md5_sha1: head->digest = 5; break; /* TLS 1.0 and 1.1 with RSA (RFC 4346 §7.4.3) */
    case NID_sha224: head->digest = 6; break; /* TLS 1.2 (RFC 5246 §7.4.1.4.1) */
    default: return 0;
    }
    if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS")) return 1;
    int padding = 0, salt = 0;
    EVP_PKEY_CTX *settings = EVP_MD_CTX_get_pkey_ctx(context);
    if (EVP_PKEY_CTX_get_rsa_padding(settings, &padding) <= 0) return 0;
    head->padding = padding == RSA_PKCS1_PSS_PADDING ? PSS : padding == RSA_PKCS1_PADDING ? PKCS1 : 0;
    if (head->padding != PSS) return head->padding;
    /* TLS has salts as long as the digest (RFC 8446 §4.2.3); certificates may say otherwise. */
    const EVP_MD *mask = NULL;
    return EVP_PKEY_CTX_get_rsa_pss_saltlen(settings, &salt) > 0 && EVP_PKEY_CTX_get_rsa_mgf1_md(settings, &mask) > 0 &&
           (salt == RSA_PSS_SALTLEN_DIGEST || salt == EVP_MD_get_size(digest)) && (!mask || EVP_MD_get_type(mask) == EVP_MD_get_type(digest));
}

struct part {
    const void *bytes;
    size_t length;
};

/* Asks with `head` and the parts in a row. */
static int ask(enum ktls_question question, struct head head, struct part first, struct part second, struct part third) {
    uint8_t *bytes = OPENSSL_malloc(sizeof head + first.length + second.length + third.length);
    if (!bytes) return -1;
    uint8_t *end = bytes;
    const struct part parts[] = {{&head, sizeof head}, first, second, third};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].length) memcpy(end, parts[i].bytes, parts[i].length);
        end += parts[i].length;
    }
    const int answered = ktls_ask(NULL, question, bytes, (size_t)(end - bytes));
    OPENSSL_free(bytes);
    return answered;
}

static const struct part nothing;

int __wrap_EVP_DigestSign(EVP_MD_CTX *context, uint8_t *signature, size_t *signature_length, const uint8_t *bytes, size_t length) {
    EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(context));
    struct head head = {.key = number_of(key)};
    if (!signature || !head.key) return __real_EVP_DigestSign(context, signature, signature_length, bytes, length);
    const int signed_length = describe(context, key, &head) ? ask(KTLS_ASK_SIGN, head, (struct part){bytes, length}, nothing, nothing) : -1;
    if (signed_length <= 0 || (size_t)signed_length > *signature_length) {
        ERR_raise(ERR_LIB_EVP, EVP_R_PRIVATE_KEY_ENCODE_ERROR);
        return 0;
    }
    memcpy(signature, ktls_answer, (size_t)signed_length);
    *signature_length = (size_t)signed_length;
    return 1;
}

/* Whatever JavaScript does not say a clear yes or no to is verified here. */
int __wrap_EVP_DigestVerify(EVP_MD_CTX *context, const uint8_t *signature, size_t signature_length, const uint8_t *bytes, size_t length) {
    EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(context));
    struct head head = {.length = (uint16_t)signature_length};
    int answered = 0;
    if (key && signature_length <= UINT16_MAX && describe(context, key, &head)) {
        const struct der *der = der_of(key);
        head.key = der ? (uint32_t)der->length : 0;
        if (der)
            answered = ask(KTLS_ASK_VERIFY, head, (struct part){signature, signature_length},
                           (struct part){der->bytes, der->length}, (struct part){bytes, length});
    }
    if (answered != 1) return __real_EVP_DigestVerify(context, signature, signature_length, bytes, length);
    return ktls_answer[0];
}

/*
 * RSA key exchange (TLS 1.2). JavaScript decrypts with implicit rejection: what does not fit in padding comes out as other bytes, of
 * which nothing can be learned. It answers 48 bytes, random ones unless the version in front is the one of the client's hello.
 */
int __wrap_EVP_PKEY_decrypt(EVP_PKEY_CTX *context, uint8_t *out, size_t *out_length, const uint8_t *in, size_t in_length) {
    struct head head = {.key = number_of(EVP_PKEY_CTX_get0_pkey(context))};
    if (!out || !head.key) return __real_EVP_PKEY_decrypt(context, out, out_length, in, in_length);
    unsigned version = 0;
    OSSL_PARAM wanted[] = {OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version), OSSL_PARAM_construct_end()};
    if (EVP_PKEY_CTX_get_params(context, wanted) <= 0) return 0;
    head.version = (uint16_t)version;
    const int length = ask(KTLS_ASK_DECRYPT, head, (struct part){in, in_length}, nothing, nothing);
    if (length != SSL_MAX_MASTER_KEY_LENGTH || *out_length < (size_t)length) return 0;
    memcpy(out, ktls_answer, (size_t)length);
    OPENSSL_cleanse(ktls_answer, (size_t)length);
    *out_length = (size_t)length;
    return 1;
}
