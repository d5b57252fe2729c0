/* Encrypted ClientHello (RFC 9849), which OpenSSL has from 4.0 on: a module with an older one does not have these exports. */
#include "engine.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#ifdef KTLS_ECH

#include "../ssl/ssl_local.h"
#include "internal/ssl_unwrap.h"
#include <openssl/ech.h>
#include <openssl/hpke.h>

/* What a key log needs to say of an encrypted hello (RFC 9850 §2.3). The secret is wiped with it. */
struct ktls_ech {
    uint8_t secret[64]; /* the longest shared secret of a KEM (RFC 9180 §7.1) */
    size_t secret_length;
    uint8_t *config;
    size_t config_length;
    uint8_t outer_random[SSL3_RANDOM_SIZE];
};

OSSL_ECHSTORE *KTLS_EXPORT(ktls_ech_keys_new)(void) { return OSSL_ECHSTORE_new(NULL, NULL); }
void KTLS_EXPORT(ktls_ech_keys_free)(OSSL_ECHSTORE *keys) { OSSL_ECHSTORE_free(keys); }

/* A private key and its configurations, PEM (RFC 9934). `retry`: these are what a client is told whose configuration did not fit. */
int KTLS_EXPORT(ktls_ech_keys_add)(OSSL_ECHSTORE *keys, const void *pem, uint32_t length, int retry) {
    int before = 0, after = 0;
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    const int ok = bio && OSSL_ECHSTORE_num_keys(keys, &before) &&
                   OSSL_ECHSTORE_read_pem(keys, bio, retry ? OSSL_ECH_FOR_RETRY : OSSL_ECH_NO_RETRY) &&
                   OSSL_ECHSTORE_num_keys(keys, &after) && after > before;
    BIO_free(bio);
    return ok;
}

/* A new key for `public_name` with the configuration that belongs to it, PEM, in the result. `max_name_length`: 0 says nothing of it. */
int KTLS_EXPORT(ktls_ech_generate)(const char *public_name, int max_name_length, int kem, int kdf, int aead) {
    const OSSL_HPKE_SUITE suite = {(uint16_t)kem, (uint16_t)kdf, (uint16_t)aead};
    ERR_clear_error();
    ktls_result_clear();
    OSSL_ECHSTORE *keys = OSSL_ECHSTORE_new(NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    int ok = keys && bio && OSSL_ECHSTORE_new_config(keys, OSSL_ECH_CURRENT_VERSION, (uint8_t)max_name_length, public_name, suite) &&
             OSSL_ECHSTORE_write_pem(keys, OSSL_ECHSTORE_LAST, bio);
    char *text = NULL;
    const long length = ok ? BIO_get_mem_data(bio, &text) : 0;
    if (length > 0) ktls_log_bytes(&ktls_result, text, (size_t)length);
    if (length > 0) OPENSSL_cleanse(text, (size_t)length);
    BIO_free(bio);
    OSSL_ECHSTORE_free(keys);
    return length > 0;
}

/* Server. The connection takes a copy. */
int KTLS_EXPORT(ktls_engine_use_ech_keys)(ktls_engine *engine, OSSL_ECHSTORE *keys) {
    ERR_clear_error();
    return SSL_set1_echstore(engine->ssl, keys);
}

/*
 * Client: an ECHConfigList. The inner hello must offer nothing below TLS 1.3 (RFC 9849 §6.1), and OpenSSL offers in it what it offers in the outer
 * one: Go's servers end such a handshake.
 */
int KTLS_EXPORT(ktls_engine_set_ech_configs)(ktls_engine *engine, const uint8_t *list, uint32_t length) {
    ERR_clear_error();
    return SSL_set_min_proto_version(engine->ssl, TLS1_3_VERSION) && SSL_set1_ech_config_list(engine->ssl, list, length);
}

/* Client: the name in the hello that everybody can read, in place of the configuration's. */
int KTLS_EXPORT(ktls_engine_set_ech_outer_name)(ktls_engine *engine, const char *name) {
    ERR_clear_error();
    return SSL_ech_set1_outer_server_name(engine->ssl, name, 0);
}

/* Client: the protocols in that hello, in wire format, in place of those that it asks for. */
int KTLS_EXPORT(ktls_engine_set_ech_outer_alpn)(ktls_engine *engine, const uint8_t *protocols, uint32_t length) {
    ERR_clear_error();
    return SSL_ech_set1_outer_alpn_protos(engine->ssl, protocols, length);
}

/* Client: an extension that looks like one, so that those who use it do not stand out (RFC 9849 §6.2). */
void KTLS_EXPORT(ktls_engine_grease_ech)(ktls_engine *engine) { SSL_set_options(engine->ssl, SSL_OP_ECH_GREASE); }

static void field(const void *bytes, size_t length) {
    const uint32_t size = bytes ? (uint32_t)length : 0;
    ktls_log_bytes(&ktls_result, &size, sizeof size);
    if (size) ktls_log_bytes(&ktls_result, bytes, size);
}

/*
 * i32 status (SSL_ech_get1_status(3)), then with u32 length each the name in the outer hello and the configurations that a client should
 * try instead. OpenSSL has those only once it has verified the server's certificate for the outer name; else there are none.
 */
int KTLS_EXPORT(ktls_engine_ech)(ktls_engine *engine) {
    char *inner = NULL, *outer = NULL;
    unsigned char *retry = NULL;
    size_t retry_length = 0;
    ktls_result_clear();
    const int32_t status = SSL_ech_get1_status(engine->ssl, &inner, &outer);
    if (status == SSL_ECH_STATUS_FAILED_ECH && !SSL_ech_get1_retry_config(engine->ssl, &retry, &retry_length)) retry_length = 0;
    ktls_log_bytes(&ktls_result, &status, sizeof status);
    field(outer, outer ? strlen(outer) : 0);
    field(retry, retry_length);
    OPENSSL_free(inner);
    OPENSSL_free(outer);
    OPENSSL_free(retry);
    ERR_clear_error();
    return 1;
}

int __real_OSSL_HPKE_encap(OSSL_HPKE_CTX *context, unsigned char *enc, size_t *enc_length, const unsigned char *pub, size_t pub_length,
                           const unsigned char *info, size_t info_length);
int __real_OSSL_HPKE_decap(OSSL_HPKE_CTX *context, const unsigned char *enc, size_t enc_length, EVP_PKEY *key, const unsigned char *info,
                           size_t info_length);
/* build-openssl.sh adds this one to OpenSSL's hpke.c. */
size_t ktls_hpke_shared_secret(const OSSL_HPKE_CTX *context, const unsigned char **secret);

/* What is before the ECHConfig in HPKE's info, with its zero (RFC 9849 §6.1). */
enum { LABEL_LENGTH = sizeof "tls ech" };

/* The secret between the connection that is being driven and its peer. */
static void keep(const OSSL_HPKE_CTX *context, const uint8_t *info, size_t info_length) {
    ktls_engine *engine = ktls_charged();
    const unsigned char *secret;
    const size_t length = ktls_hpke_shared_secret(context, &secret);
    if (!engine || !engine->want_key_log || info_length < LABEL_LENGTH || length > sizeof engine->ech->secret) return;
    if (!engine->ech && !(engine->ech = OPENSSL_zalloc(sizeof *engine->ech))) return;
    struct ktls_ech *ech = engine->ech;
    OPENSSL_free(ech->config);
    ech->config_length = info_length - LABEL_LENGTH;
    ech->config = OPENSSL_memdup(info + LABEL_LENGTH, ech->config_length);
    memcpy(ech->secret, secret, length);
    ech->secret_length = length;
    if (!SSL_is_server(engine->ssl)) SSL_get_client_random(engine->ssl, ech->outer_random, sizeof ech->outer_random);
    else memcpy(ech->outer_random, engine->hello_random, sizeof ech->outer_random);
}

int __wrap_OSSL_HPKE_encap(OSSL_HPKE_CTX *context, unsigned char *enc, size_t *enc_length, const unsigned char *pub, size_t pub_length,
                           const unsigned char *info, size_t info_length) {
    const int ok = __real_OSSL_HPKE_encap(context, enc, enc_length, pub, pub_length, info, info_length);
    if (ok == 1) keep(context, info, info_length);
    return ok;
}

int __wrap_OSSL_HPKE_decap(OSSL_HPKE_CTX *context, const unsigned char *enc, size_t enc_length, EVP_PKEY *key, const unsigned char *info,
                           size_t info_length) {
    const int ok = __real_OSSL_HPKE_decap(context, enc, enc_length, key, info, info_length);
    if (ok == 1) keep(context, info, info_length);
    return ok;
}

static char *put_hex(char *to, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    return to;
}

static void log_line(ktls_engine *engine, const char *name, const uint8_t *bytes, size_t length) {
    const size_t name_length = strlen(name), total = name_length + 2 + 2 * (SSL3_RANDOM_SIZE + length);
    char *line = OPENSSL_malloc(total), *end = line;
    if (!line) return;
    memcpy(end, name, name_length);
    end += name_length;
    *end++ = ' ';
    end = put_hex(end, engine->ech->outer_random, SSL3_RANDOM_SIZE);
    *end++ = ' ';
    end = put_hex(end, bytes, length);
    ktls_log_append(&engine->log, KTLS_OUT_KEY_LOG, 0, line, (size_t)(end - line));
    OPENSSL_clear_free(line, total);
}

/* Before the first secret. A server that could not open the hello has nothing to say. */
static void log_hello(ktls_engine *engine, const SSL_CONNECTION *s) {
    struct ktls_ech *ech = engine->ech;
    if (!ech) return;
    if (!s->server || s->ext.ech.success == 1) {
        log_line(engine, "ECH_SECRET", ech->secret, ech->secret_length);
        log_line(engine, "ECH_CONFIG", ech->config, ech->config ? ech->config_length : 0);
    }
    ktls_ech_forget(engine);
}

/*
 * A line of the key log. An encrypted hello comes first: its secret stands under the random of the outer hello, and leads a reader to the inner
 * one, under whose random all others stand (RFC 9850 §2.3). OpenSSL's server has it so, and so does its client
 * from 4.0.3 on: that of 4.0.2 writes the outer random.
 */
void ktls_ech_log(ktls_engine *engine, const char *line, size_t length) {
    SSL_CONNECTION *s = SSL_CONNECTION_FROM_SSL(engine->ssl);
    const char *space = memchr(line, ' ', length);
    const size_t end = space ? (size_t)(space - line) + 1 + 2 * SSL3_RANDOM_SIZE : length + 1;
    log_hello(engine, s);
    if (s->server || s->ext.ech.success != 1 || end > length) {
        ktls_log_append(&engine->log, KTLS_OUT_KEY_LOG, 0, line, length);
        return;
    }
    char *copy = OPENSSL_memdup(line, length);
    if (!copy) return;
    /* What is told of the connection has the same. */
    memcpy(s->s3.client_random, s->ext.ech.client_random, SSL3_RANDOM_SIZE);
    put_hex(copy + (space - line) + 1, s->ext.ech.client_random, SSL3_RANDOM_SIZE);
    ktls_log_append(&engine->log, KTLS_OUT_KEY_LOG, 0, copy, length);
    OPENSSL_clear_free(copy, length);
}

void ktls_ech_forget(ktls_engine *engine) {
    if (!engine->ech) return;
    OPENSSL_free(engine->ech->config);
    OPENSSL_clear_free(engine->ech, sizeof *engine->ech);
    engine->ech = NULL;
}

#endif
