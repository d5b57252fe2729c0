/* SSL_CTX: identity, trust and what may be negotiated. Each setter answers 1, or 0 with the reason in OpenSSL's error queue. */
#include "engine.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

static int initialize(void) {
    static int done;
    if (!done) done = OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    return done;
}

/* Versions are TLS1_2_VERSION or TLS1_3_VERSION. */
SSL_CTX *KTLS_EXPORT(ktls_context_new)(int min_version, int max_version) {
    ERR_clear_error();
    if (!initialize()) return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (!context) return NULL;
    if (!SSL_CTX_set_min_proto_version(context, min_version) || !SSL_CTX_set_max_proto_version(context, max_version)) {
        SSL_CTX_free(context);
        return NULL;
    }
    /* Sessions are the application's to keep: none is kept here. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    ktls_context_install_callbacks(context);
    return context;
}

void KTLS_EXPORT(ktls_context_free)(SSL_CTX *context) { SSL_CTX_free(context); }

int KTLS_EXPORT(ktls_context_set_cipher_list)(SSL_CTX *context, const char *names) {
    ERR_clear_error();
    return SSL_CTX_set_cipher_list(context, names);
}

int KTLS_EXPORT(ktls_context_set_cipher_suites)(SSL_CTX *context, const char *names) {
    ERR_clear_error();
    return SSL_CTX_set_ciphersuites(context, names);
}

int KTLS_EXPORT(ktls_context_set_groups)(SSL_CTX *context, const char *names) {
    ERR_clear_error();
    return (int)SSL_CTX_set1_groups_list(context, names);
}

int KTLS_EXPORT(ktls_context_set_signature_algorithms)(SSL_CTX *context, const char *names) {
    ERR_clear_error();
    return (int)SSL_CTX_set1_sigalgs_list(context, names);
}

int KTLS_EXPORT(ktls_context_set_session_id_context)(SSL_CTX *context, const uint8_t *id, uint32_t length) {
    ERR_clear_error();
    return SSL_CTX_set_session_id_context(context, id, length);
}

/* `options` are OpenSSL's SSL_OP_* bits, as node:tls's secureOptions has them. */
void KTLS_EXPORT(ktls_context_set_options)(SSL_CTX *context, uint32_t low, uint32_t high) {
    SSL_CTX_set_options(context, (uint64_t)high << 32 | low);
}

void KTLS_EXPORT(ktls_context_clear_options)(SSL_CTX *context, uint32_t low, uint32_t high) {
    SSL_CTX_clear_options(context, (uint64_t)high << 32 | low);
}

static BIO *memory_bio(const void *bytes, uint32_t length) {
    ERR_clear_error();
    return BIO_new_mem_buf(bytes, (int)length);
}

/* PEM's end of input leaves an error that is none (PEM_read_bio_X509(3)). */
static int ended_cleanly(void) {
    const unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) return 0;
    ERR_clear_error();
    return 1;
}

/* The leaf certificate and its chain, PEM. */
int KTLS_EXPORT(ktls_context_use_certificate)(SSL_CTX *context, const void *pem, uint32_t length) {
    BIO *bio = memory_bio(pem, length);
    if (!bio) return 0;
    X509 *leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    int ok = leaf && SSL_CTX_use_certificate(context, leaf);
    if (ok) ok = (int)SSL_CTX_clear_chain_certs(context);
    while (ok) {
        X509 *issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!issuer) {
            ok = ended_cleanly();
            break;
        }
        if (!SSL_CTX_add0_chain_cert(context, issuer)) {
            X509_free(issuer);
            ok = 0;
        }
    }
    X509_free(leaf);
    BIO_free(bio);
    return ok;
}

static int on_passphrase(char *out, int size, int writing, void *passphrase) {
    (void)writing;
    const size_t length = passphrase ? strlen(passphrase) : 0;
    if (!passphrase || length > (size_t)size) return -1;
    memcpy(out, passphrase, length);
    return (int)length;
}

/* A private key, PEM; `passphrase` may be NULL. */
int KTLS_EXPORT(ktls_context_use_private_key)(SSL_CTX *context, const void *pem, uint32_t length, char *passphrase) {
    BIO *bio = memory_bio(pem, length);
    if (!bio) return 0;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, passphrase);
    const int ok = key && SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

int KTLS_EXPORT(ktls_context_check_private_key)(SSL_CTX *context) {
    ERR_clear_error();
    return SSL_CTX_check_private_key(context);
}

/* Issuers that a server names when it asks for a certificate. */
static int add_client_ca(SSL_CTX *context, X509 *certificate) { return SSL_CTX_add_client_CA(context, certificate); }

/* Trusts every certificate of a PEM file. Answers how many there were, or -1. */
int KTLS_EXPORT(ktls_store_add)(X509_STORE *store, const void *pem, uint32_t length) {
    BIO *bio = memory_bio(pem, length);
    if (!bio) return -1;
    int count = 0;
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        const int added = X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
        if (!added) break;
        count++;
    }
    const int ok = !certificate && ended_cleanly();
    BIO_free(bio);
    return ok ? count : -1;
}

/* Revocation lists, PEM; from then on every certificate of a chain is checked against one. */
int KTLS_EXPORT(ktls_store_add_crl)(X509_STORE *store, const void *pem, uint32_t length) {
    BIO *bio = memory_bio(pem, length);
    if (!bio) return 0;
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    const int ok = list && X509_STORE_add_crl(store, list) && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_CRL_free(list);
    BIO_free(bio);
    return ok;
}

X509_STORE *KTLS_EXPORT(ktls_store_new)(void) { return initialize() ? X509_STORE_new() : NULL; }
void KTLS_EXPORT(ktls_store_free)(X509_STORE *store) { X509_STORE_free(store); }

/* The context takes a share of the store. `name_to_clients`: its certificates' subjects go into a certificate request. */
int KTLS_EXPORT(ktls_context_use_store)(SSL_CTX *context, X509_STORE *store, int name_to_clients) {
    ERR_clear_error();
    SSL_CTX_set1_cert_store(context, store);
    if (!name_to_clients) return 1;
    int ok = 1;
    STACK_OF(X509) *certificates = X509_STORE_get1_all_certs(store);
    for (int i = 0; ok && i < sk_X509_num(certificates); i++) ok = add_client_ca(context, sk_X509_value(certificates, i));
    OSSL_STACK_OF_X509_free(certificates);
    return ok;
}

/* A chain may end in any trusted certificate, not only in a self-signed one. */
void KTLS_EXPORT(ktls_store_allow_partial_chains)(X509_STORE *store) { X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); }

/* Diffie-Hellman groups that OpenSSL chooses by the certificate's strength. */
int KTLS_EXPORT(ktls_context_set_dh_auto)(SSL_CTX *context) { return (int)SSL_CTX_set_dh_auto(context, 1); }

/* Diffie-Hellman parameters, PEM. Answers the size of their prime in bits, or 0. */
int KTLS_EXPORT(ktls_context_set_dh)(SSL_CTX *context, const void *pem, uint32_t length) {
    BIO *bio = memory_bio(pem, length);
    if (!bio) return 0;
    EVP_PKEY *parameters = PEM_read_bio_Parameters(bio, NULL);
    BIO_free(bio);
    if (!parameters) return 0;
    const int bits = EVP_PKEY_get_bits(parameters);
    if (bits >= 1024 && SSL_CTX_set0_tmp_dh_pkey(context, parameters)) return bits;
    EVP_PKEY_free(parameters);
    return bits < 1024 ? bits : 0;
}

/* The certificate that connections of this context show, or its issuer, DER. */
int KTLS_EXPORT(ktls_context_certificate)(SSL_CTX *context, int issuer) {
    ktls_result_clear();
    X509 *certificate = SSL_CTX_get0_certificate(context);
    if (certificate && issuer) {
        STACK_OF(X509) *chain = NULL;
        SSL_CTX_get0_chain_certs(context, &chain);
        X509 *found = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
        X509_STORE_CTX *lookup = found ? NULL : X509_STORE_CTX_new();
        if (lookup && X509_STORE_CTX_init(lookup, SSL_CTX_get_cert_store(context), NULL, NULL) &&
            X509_STORE_CTX_get1_issuer(&found, lookup, certificate) == 1)
            X509_free(found); /* the store keeps it */
        X509_STORE_CTX_free(lookup);
        ERR_clear_error();
        certificate = found;
    }
    uint8_t *der = NULL;
    const int length = certificate ? i2d_X509(certificate, &der) : 0;
    if (length <= 0) return 0;
    ktls_log_bytes(&ktls_result, der, (size_t)length);
    OPENSSL_free(der);
    return 1;
}

/* Trusts all that `from` trusts. */
int KTLS_EXPORT(ktls_store_add_all)(X509_STORE *store, X509_STORE *from) {
    ERR_clear_error();
    STACK_OF(X509) *certificates = X509_STORE_get1_all_certs(from);
    int ok = certificates != NULL;
    for (int i = 0; ok && i < sk_X509_num(certificates); i++) ok = X509_STORE_add_cert(store, sk_X509_value(certificates, i));
    OSSL_STACK_OF_X509_free(certificates);
    return ok;
}
