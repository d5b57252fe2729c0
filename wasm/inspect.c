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

/* OpenSSL's name, standard name and first version of the suite, a line each. */
int KTLS_EXPORT(ktls_engine_cipher)(ktls_engine *engine) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(engine->ssl);
    if (!cipher) return answer(NULL, 0);
    const char *texts[] = {SSL_CIPHER_get_name(cipher), "\n", SSL_CIPHER_standard_name(cipher), "\n", SSL_CIPHER_get_version(cipher)};
    ktls_result_clear();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]) ktls_log_bytes(&ktls_result, texts[i], strlen(texts[i]));
    return 1;
}

int KTLS_EXPORT(ktls_engine_group)(ktls_engine *engine) { return answer_text(SSL_get0_group_name(engine->ssl)); }

/* The random of either side's hello. */
int KTLS_EXPORT(ktls_engine_random)(ktls_engine *engine, int server) {
    uint8_t random[SSL3_RANDOM_SIZE];
    const size_t length = server ? SSL_get_server_random(engine->ssl, random, sizeof random) : SSL_get_client_random(engine->ssl, random, sizeof random);
    return answer(random, length);
}

/* The scheme that the server signed its handshake with, by the name of RFC 8446 §4.2.3; none in a resumed session. */
int KTLS_EXPORT(ktls_engine_signature_scheme)(ktls_engine *engine) {
    const char *name = NULL;
    const long known = SSL_is_server(engine->ssl) ? SSL_get0_signature_name(engine->ssl, &name) : SSL_get0_peer_signature_name(engine->ssl, &name);
    return answer_text(known == 1 ? name : NULL);
}

int KTLS_EXPORT(ktls_engine_server_name)(ktls_engine *engine) {
    /* A server's is the one that its context was chosen by: of a resumed session of TLS 1.2 OpenSSL would tell the session's. */
    if (SSL_is_server(engine->ssl)) return answer_text(engine->server_name);
    return answer_text(SSL_get_servername(engine->ssl, TLSEXT_NAMETYPE_host_name));
}

int KTLS_EXPORT(ktls_engine_alpn)(ktls_engine *engine) {
    const uint8_t *name;
    unsigned length;
    SSL_get0_alpn_selected(engine->ssl, &name, &length);
    return answer(name, length);
}

/* X509_V_OK (0) or the reason why the peer's chain is not trusted (X509_verify_cert_error_string(3)). */
int KTLS_EXPORT(ktls_engine_verify_result)(ktls_engine *engine) { return (int)SSL_get_verify_result(engine->ssl); }

int KTLS_EXPORT(ktls_verify_text)(int code) { return answer_text(X509_verify_cert_error_string(code)); }

static int append_certificate(X509 *certificate) {
    uint8_t *der = NULL;
    const int length = i2d_X509(certificate, &der);
    if (length <= 0) return 0;
    const uint32_t size = (uint32_t)length;
    ktls_log_bytes(&ktls_result, &size, sizeof size);
    ktls_log_bytes(&ktls_result, der, size);
    OPENSSL_free(der);
    return 1;
}

/* The peer's certificates as it sent them, leaf first: u32 length, DER, … */
int KTLS_EXPORT(ktls_engine_peer_chain)(ktls_engine *engine) {
    ktls_result_clear();
    X509 *leaf = SSL_get0_peer_certificate(engine->ssl);
    if (!leaf || !append_certificate(leaf)) return 0;
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(engine->ssl);
    /* A client's view of the chain includes the leaf, a server's does not (SSL_get_peer_cert_chain(3)). */
    for (int i = SSL_is_server(engine->ssl) ? 0 : 1; i < sk_X509_num(chain); i++) append_certificate(sk_X509_value(chain, i));
    return 1;
}

/* The chain as it was verified, up to the trust anchor, same format. */
int KTLS_EXPORT(ktls_engine_verified_chain)(ktls_engine *engine) {
    ktls_result_clear();
    STACK_OF(X509) *chain = SSL_get0_verified_chain(engine->ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) append_certificate(sk_X509_value(chain, i));
    return sk_X509_num(chain) > 0;
}

int KTLS_EXPORT(ktls_engine_own_certificate)(ktls_engine *engine) {
    ktls_result_clear();
    X509 *leaf = SSL_get_certificate(engine->ssl);
    return leaf && append_certificate(leaf);
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

/* The largest fragment that may be sent: what was negotiated (RFC 6066 §4), else TLS's own limit. */
uint32_t KTLS_EXPORT(ktls_engine_max_fragment)(ktls_engine *engine) {
    const SSL_SESSION *session = SSL_get0_session(engine->ssl);
    const uint8_t code = session ? SSL_SESSION_get_max_fragment_length(session) : 0;
    return code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096 ? 256u << code : 16384;
}
