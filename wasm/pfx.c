/* PKCS #12 (RFC 7292): a key, its certificate and their issuers in one file. */
#include "engine.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

/*
 * Uses the file's key, certificate and chain; issuers also become trusted, as node:tls does it. `passphrase` is "" for none.
 * With no passphrase a file may hold either no MAC password or an empty one; PKCS12_parse(3) tries both.
 */
int KTLS_EXPORT(ktls_context_use_pfx)(SSL_CTX *context, const uint8_t *der, uint32_t length, const char *passphrase, X509_STORE *store) {
    ERR_clear_error();
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
    OSSL_STACK_OF_X509_free(issuers);
    X509_free(certificate);
    EVP_PKEY_free(key);
    PKCS12_free(file);
    return ok;
}
