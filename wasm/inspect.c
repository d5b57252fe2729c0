/* What was negotiated. Each answers 1 with the value in the result, or 0 when there is none. */
#include "engine.h"

#include "internal/tlsgroups.h"
#include <openssl/err.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

static int answer(const void *bytes, size_t length) {
    ktls_result_clear();
    if (!bytes) return 0;
    ktls_log_bytes(&ktls_result, bytes, length);
    return 1;
}

static int answer_text(const char *text) { return answer(text, text ? strlen(text) : 0); }

int KTLS_EXPORT(ktls_engine_version)(ktls_engine *engine) { return SSL_version(engine->ssl); }

static void field(struct ktls_log *log, const void *bytes, size_t length) {
    const uint32_t size = bytes ? (uint32_t)length : 0;
    ktls_log_bytes(log, &size, sizeof size);
    if (size) ktls_log_bytes(log, bytes, size);
}

static void text_field(struct ktls_log *log, const char *text) { field(log, text, text ? strlen(text) : 0); }

static int certificate_field(struct ktls_log *log, X509 *certificate) {
    uint8_t *der = NULL;
    const int length = i2d_X509(certificate, &der);
    if (length <= 0) return 0;
    field(log, der, (size_t)length);
    OPENSSL_free(der);
    return 1;
}

/* A server's is the one that its context was chosen by: of a resumed session of TLS 1.2 OpenSSL would tell the session's. */
static const char *server_name(ktls_engine *engine) {
    return SSL_is_server(engine->ssl) ? engine->server_name : SSL_get_servername(engine->ssl, TLSEXT_NAMETYPE_host_name);
}

/* What the server signed its handshake with, by the name of RFC 8446 §4.2.3; none in a resumed session. */
static const char *signature_scheme(SSL *ssl) {
    const char *name = NULL;
    const long known = SSL_is_server(ssl) ? SSL_get0_signature_name(ssl, &name) : SSL_get0_peer_signature_name(ssl, &name);
    return known == 1 ? name : NULL;
}

/* What was negotiated (RFC 6066 §4), else TLS's own limit. */
static uint16_t max_fragment(const SSL *ssl) {
    const SSL_SESSION *session = SSL_get0_session(ssl);
    const uint8_t code = session ? SSL_SESSION_get_max_fragment_length(session) : 0;
    return code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096 ? 256u << code : 16384;
}

/* The peer's certificates as it sent them, leaf first. A client's chain includes the leaf, a server's does not (SSL_get_peer_cert_chain(3)). */
static void peer_chain(struct ktls_log *log, const SSL *ssl) {
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    if (!leaf || !certificate_field(log, leaf)) return;
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    for (int i = SSL_is_server(ssl) ? 0 : 1; i < sk_X509_num(chain); i++) certificate_field(log, sk_X509_value(chain, i));
}

/* u16 version, u16 largest fragment, u32 result of the verification, u32 1 if resumed; then fields, u32 length and bytes: see negotiated.ts. */
static void log_negotiated(struct ktls_log *log, ktls_engine *engine) {
    const SSL *ssl = engine->ssl;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    const uint16_t versions[] = {(uint16_t)SSL_version(ssl), max_fragment(ssl)};
    const uint32_t verified = (uint32_t)SSL_get_verify_result(ssl);
    const uint32_t reused = SSL_session_reused(ssl) == 1;
    ktls_log_bytes(log, versions, sizeof versions);
    ktls_log_bytes(log, &verified, sizeof verified);
    ktls_log_bytes(log, &reused, sizeof reused);
    text_field(log, cipher ? SSL_CIPHER_get_name(cipher) : NULL);
    text_field(log, cipher ? SSL_CIPHER_standard_name(cipher) : NULL);
    text_field(log, cipher ? SSL_CIPHER_get_version(cipher) : NULL);
    text_field(log, SSL_get0_group_name(engine->ssl));
    text_field(log, signature_scheme(engine->ssl));
    text_field(log, server_name(engine));
    const uint8_t *alpn;
    unsigned alpn_length;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_length);
    field(log, alpn, alpn_length);
    uint8_t random[SSL3_RANDOM_SIZE];
    field(log, random, SSL_get_client_random(ssl, random, sizeof random));
    field(log, random, SSL_get_server_random(ssl, random, sizeof random));
    text_field(log, verified ? X509_verify_cert_error_string((long)verified) : NULL);
    peer_chain(log, ssl);
}

/* What is agreed on now. */
int KTLS_EXPORT(ktls_engine_negotiated)(ktls_engine *engine) {
    ktls_result_clear();
    log_negotiated(&ktls_result, engine);
    return 1;
}

/* The handshake is done: an output with what has been agreed on. */
void ktls_log_done(ktls_engine *engine) {
    struct ktls_log facts = {0};
    log_negotiated(&facts, engine);
    ktls_log_append(&engine->log, KTLS_OUT_HANDSHAKE_DONE, 0, facts.data, facts.length);
    ktls_log_free(&facts);
}

/* The name in the client's hello, or that the client has sent. */
int KTLS_EXPORT(ktls_engine_server_name)(ktls_engine *engine) { return answer_text(server_name(engine)); }

/* The chain as it was verified, up to the trust anchor: u32 length, DER, … */
int KTLS_EXPORT(ktls_engine_verified_chain)(ktls_engine *engine) {
    ktls_result_clear();
    STACK_OF(X509) *chain = SSL_get0_verified_chain(engine->ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) certificate_field(&ktls_result, sk_X509_value(chain, i));
    return sk_X509_num(chain) > 0;
}

int KTLS_EXPORT(ktls_engine_own_certificate)(ktls_engine *engine) {
    ktls_result_clear();
    X509 *leaf = SSL_get_certificate(engine->ssl);
    return leaf && certificate_field(&ktls_result, leaf);
}

int KTLS_EXPORT(ktls_engine_finished_message)(ktls_engine *engine, int peer) {
    uint8_t message[EVP_MAX_MD_SIZE];
    const size_t length = peer ? SSL_get_peer_finished(engine->ssl, message, sizeof message) : SSL_get_finished(engine->ssl, message, sizeof message);
    return answer(length ? message : NULL, length < sizeof message ? length : sizeof message);
}

/* Keying material for `label` (RFC 5705, RFC 8446 §7.5); without a context when `context` is NULL. */
int KTLS_EXPORT(ktls_engine_export)(ktls_engine *engine, uint32_t length, const char *label, const uint8_t *context, uint32_t context_length) {
    ERR_clear_error();
    uint8_t *secret = OPENSSL_malloc(length ? length : 1);
    if (!secret) return 0;
    const int ok = SSL_export_keying_material(engine->ssl, secret, length, label, strlen(label), context, context_length, context != NULL);
    if (ok == 1) answer(secret, length);
    OPENSSL_clear_free(secret, length ? length : 1);
    return ok == 1;
}

/* CMakeLists.txt counts it out of what JavaScript relies on. */
uint32_t KTLS_EXPORT(ktls_bindings)(void) { return KTLS_BINDINGS; }

int KTLS_EXPORT(ktls_openssl_version)(void) { return answer_text(OpenSSL_version(OPENSSL_VERSION_STRING)); }

/* The same of a key of key_exchange.c, which is none of OpenSSL's; NULL for all others. */
static const char *text_of_exchange(int group) {
    switch (group) {
    case 0: return NULL;
    case OSSL_TLS_GROUP_ID_secp256r1: return "ECDH\n256\nprime256v1";
    case OSSL_TLS_GROUP_ID_secp384r1: return "ECDH\n384\nsecp384r1";
    case OSSL_TLS_GROUP_ID_x25519: return "ECDH\n253\nX25519";
    default: return "";
    }
}

/* "DH" or "ECDH", size in bits, and the curve's name, a line each: the server's share of the key exchange, as a client saw it. */
int KTLS_EXPORT(ktls_engine_ephemeral_key)(ktls_engine *engine) {
    EVP_PKEY *key = NULL;
    ktls_result_clear();
    if (SSL_is_server(engine->ssl) || !SSL_get_peer_tmp_key(engine->ssl, &key)) return 0;
    const char *elsewhere = text_of_exchange(ktls_exchange_group(key));
    if (elsewhere) {
        EVP_PKEY_free(key);
        return *elsewhere ? answer_text(elsewhere) : 0;
    }
    char group[64] = "";
    size_t length = 0;
    const int type = EVP_PKEY_get_id(key);
    if (type == EVP_PKEY_EC) EVP_PKEY_get_group_name(key, group, sizeof group, &length);
    else if (type == EVP_PKEY_X25519 || type == EVP_PKEY_X448) OPENSSL_strlcpy(group, OBJ_nid2sn(type), sizeof group);
    char text[96];
    const int printed = BIO_snprintf(text, sizeof text, "%s\n%d\n%s", *group ? "ECDH" : type == EVP_PKEY_DH ? "DH" : "", EVP_PKEY_get_bits(key), group);
    EVP_PKEY_free(key);
    return printed > 0 && *text != '\n' ? answer(text, (size_t)printed) : 0;
}

/* Signature algorithms that both sides support, in order of preference, "KEY+HASH" separated by colons. */
int KTLS_EXPORT(ktls_engine_shared_sigalgs)(ktls_engine *engine) {
    ktls_result_clear();
    const int count = SSL_get_shared_sigalgs(engine->ssl, 0, NULL, NULL, NULL, NULL, NULL);
    for (int i = 0; i < count; i++) {
        int sign = NID_undef, hash = NID_undef;
        uint8_t raw_sign, raw_hash;
        SSL_get_shared_sigalgs(engine->ssl, i, &sign, &hash, NULL, &raw_sign, &raw_hash);
        char text[64];
        const char *name = sign == EVP_PKEY_RSA_PSS ? "RSA-PSS" : sign == EVP_PKEY_EC ? "ECDSA" : sign == EVP_PKEY_RSA ? "RSA" : sign == NID_undef ? NULL : OBJ_nid2sn(sign);
        if (name) BIO_snprintf(text, sizeof text, "%s", name);
        else BIO_snprintf(text, sizeof text, "0x%02X", raw_sign);
        if (i) ktls_log_bytes(&ktls_result, ":", 1);
        ktls_log_bytes(&ktls_result, text, strlen(text));
        if (hash != NID_undef) BIO_snprintf(text, sizeof text, "+%s", OBJ_nid2sn(hash));
        else if (sign == EVP_PKEY_ED25519 || sign == EVP_PKEY_ED448) text[0] = 0;
        else BIO_snprintf(text, sizeof text, "+0x%02X", raw_hash);
        ktls_log_bytes(&ktls_result, text, strlen(text));
    }
    return count > 0;
}

/* The names of all suites that this context would negotiate, separated by colons. */
int KTLS_EXPORT(ktls_context_ciphers)(SSL_CTX *context) {
    ktls_result_clear();
    STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(context);
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));
        if (i) ktls_log_bytes(&ktls_result, ":", 1);
        ktls_log_bytes(&ktls_result, name, strlen(name));
    }
    return sk_SSL_CIPHER_num(ciphers) > 0;
}
