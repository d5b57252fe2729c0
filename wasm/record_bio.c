/*
 * The BIO between OpenSSL and its caller. Below the application keys it carries TLSCiphertext; for a direction whose keys were
 * handed out it carries plaintext records, by the contract of OpenSSL's own kTLS (ssl/record/methods/ktls_meth.c): BIO_CTRL_SET_KTLS
 * offers the kernel's crypto_info, and from then on a read gives header and plaintext, a write takes a plaintext fragment whose
 * content type was announced by a ctrl.
 */
#include "engine.h"

#include <linux/tls.h>
#include <openssl/bio.h>
#include <string.h>

/* Not in a public header: include/internal/bio.h of OpenSSL 3.5. */
enum {
    SET_KTLS = 72,
    GET_KTLS_SEND = 73,
    SET_RECORD_TYPE = 74,
    CLEAR_RECORD_TYPE = 75,
    GET_KTLS_RECV = 76,
};

static size_t crypto_info_length(uint16_t cipher_type) {
    switch (cipher_type) {
    case TLS_CIPHER_AES_GCM_128: return sizeof(struct tls12_crypto_info_aes_gcm_128);
    case TLS_CIPHER_AES_GCM_256: return sizeof(struct tls12_crypto_info_aes_gcm_256);
    case TLS_CIPHER_AES_CCM_128: return sizeof(struct tls12_crypto_info_aes_ccm_128);
    case TLS_CIPHER_CHACHA20_POLY1305: return sizeof(struct tls12_crypto_info_chacha20_poly1305);
    default: return 0;
    }
}

/* 1: taken; 0: OpenSSL goes on protecting records itself (it must be exactly 0, negative counts as success). */
static long offer_keys(ktls_engine *engine, int direction, const struct tls_crypto_info *info) {
    const size_t length = crypto_info_length(info->cipher_type);
    if (!length) return 0;
    const int taken = engine->offload[direction] >> (info->cipher_type - TLS_CIPHER_AES_GCM_128) & 1;
    if (!taken && !engine->reports_keys) return 0;
    ktls_log_append(&engine->log, taken ? KTLS_OUT_INSTALL_KEYS : KTLS_OUT_KEYS, (uint8_t)direction, info, length);
    if (taken) engine->installed[direction] = 1;
    /*
     * What follows is protected by these keys: where they are handed out, OpenSSL must not take it for the plaintext that it is given from
     * here on; and whoever counts records has to know which of them these keys are for.
     */
    if (direction == KTLS_READ) {
        engine->held_back += engine->input_length;
        engine->input_length = 0;
    }
    return taken;
}

static int bio_write(BIO *bio, const char *bytes, int length) {
    ktls_engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!engine || length < 0) return -1;
    if (engine->installed[KTLS_WRITE]) {
        const uint8_t type = engine->next_type ? engine->next_type : SSL3_RT_APPLICATION_DATA;
        ktls_log_append(&engine->log, KTLS_OUT_RECORD, type, bytes, (size_t)length);
    } else {
        ktls_log_append(&engine->log, KTLS_OUT_CIPHERTEXT, 0, bytes, (size_t)length);
    }
    return length;
}

static int bio_read(BIO *bio, char *bytes, int length) {
    ktls_engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!engine || length < 0 || !engine->input_length) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const size_t taken = engine->input_length < (size_t)length ? engine->input_length : (size_t)length;
    memcpy(bytes, engine->input, taken);
    engine->input += taken;
    engine->input_length -= taken;
    return (int)taken;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    ktls_engine *engine = BIO_get_data(bio);
    if (!engine) return 0;
    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP: return 1;
    case SET_KTLS: return offer_keys(engine, number ? KTLS_WRITE : KTLS_READ, pointer);
    case GET_KTLS_SEND: return engine->installed[KTLS_WRITE];
    case GET_KTLS_RECV: return engine->installed[KTLS_READ];
    case SET_RECORD_TYPE: engine->next_type = (uint8_t)number; return 0;
    case CLEAR_RECORD_TYPE: engine->next_type = 0; return 0;
    default: return 0;
    }
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO *ktls_record_bio_new(ktls_engine *engine) {
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ktls records");
        if (!method) return NULL;
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
        BIO_meth_set_create(method, bio_create);
    }
    BIO *bio = BIO_new(method);
    if (bio) BIO_set_data(bio, engine);
    return bio;
}
