/* PKCS #12 (RFC 7292): a key, its certificate and their issuers in one file. */
#include "engine.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* The key in the result, as PKCS #8 (RFC 5958), for whoever is to use it outside. */
static int tell_key(const EVP_PKEY *key) {
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    uint8_t *der = NULL;
    const int length = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    if (length > 0) ktls_log_bytes(&ktls_result, der, (size_t)length);
    OPENSSL_clear_free(der, length > 0 ? (size_t)length : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return length > 0;
}

/*
 * Uses the file's key, certificate and chain; issuers also become trusted, as node:tls does it. `passphrase` is "" for none.
 * The key itself is also the result (tell_key), to be put in the place of the one here.
 * With no passphrase a file may hold either no MAC password or an empty one; PKCS12_parse(3) tries both.
 */
int KTLS_EXPORT(ktls_context_use_pfx)(SSL_CTX *context, const uint8_t *der, uint32_t length, const char *passphrase, X509_STORE *store) {
    ERR_clear_error();
    ktls_result_clear();
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *issuers = NULL;
    PKCS12 *file = d2i_PKCS12(NULL, &der, (long)length);
    int ok = file && PKCS12_parse(file, passphrase, &key, &certificate, &issuers);
    if (ok && (!key || !certificate)) {
        ERR_raise(ERR_LIB_PKCS12, PKCS12_R_PARSE_ERROR);
        ok = 0;
    }
    ok = ok && SSL_CTX_use_cert_and_key(context, certificate, key, issuers, 1);
    for (int i = 0; ok && i < sk_X509_num(issuers); i++) ok = X509_STORE_add_cert(store, sk_X509_value(issuers, i));
    ok = ok && tell_key(key);
    OSSL_STACK_OF_X509_free(issuers);
    X509_free(certificate);
    EVP_PKEY_free(key);
    PKCS12_free(file);
    return ok;
}
