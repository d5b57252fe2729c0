/* What a connection is told before or while it negotiates. */
#include "engine.h"

#include <openssl/err.h>
#include <string.h>

/* Verification never stops a handshake: the caller reads ktls_engine_verify_result and decides, as node:tls does. */
static int on_verify(int ok, X509_STORE_CTX *store) {
    (void)ok;
    (void)store;
    return 1;
}

int KTLS_EXPORT(ktls_engine_set_server_name)(ktls_engine *engine, const char *name) {
    return (int)SSL_set_tlsext_host_name(engine->ssl, name);
}

/* `protocols` in wire format (RFC 7301 §3.1). */
int KTLS_EXPORT(ktls_engine_set_alpn)(ktls_engine *engine, const uint8_t *protocols, uint32_t length) {
    if (!SSL_is_server(engine->ssl)) return SSL_set_alpn_protos(engine->ssl, protocols, length) == 0;
    OPENSSL_free(engine->alpn);
    engine->alpn = OPENSSL_memdup(protocols, length);
    engine->alpn_length = engine->alpn ? length : 0;
    return engine->alpn != NULL;
}

/* A client's certificate is not asked for; a server's is verified. */
void ktls_engine_request_nothing(ktls_engine *engine) { SSL_set_verify(engine->ssl, SSL_VERIFY_NONE, on_verify); }

void KTLS_EXPORT(ktls_engine_request_certificate)(ktls_engine *engine, int required) {
    SSL_set_verify(engine->ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), on_verify);
}

void KTLS_EXPORT(ktls_engine_trace)(ktls_engine *engine) { engine->traces = 1; }

/* Outputs KTLS_OUT_KEYS: OpenSSL is made to offer all keys that a kernel could take, and those that are refused are told of. */
void KTLS_EXPORT(ktls_engine_report_keys)(ktls_engine *engine) {
    engine->reports_keys = 1;
    SSL_set_options(engine->ssl, SSL_OP_ENABLE_KTLS);
}

void KTLS_EXPORT(ktls_engine_want_key_log)(ktls_engine *engine) { engine->want_key_log = 1; }

/* The server's handshake stops when the client's hello has come, so that a context can be chosen for its name and its session looked up. */
void KTLS_EXPORT(ktls_engine_suspend_for_hello)(ktls_engine *engine) { engine->suspend_hello = 1; }

void KTLS_EXPORT(ktls_engine_report_sessions)(ktls_engine *engine) { engine->report_sessions = 1; }

/* The answer to KTLS_SUSPENDED_HELLO. */
int KTLS_EXPORT(ktls_engine_offer_session)(ktls_engine *engine, const uint8_t *bytes, uint32_t length) {
    ERR_clear_error();
    SSL_SESSION_free(engine->found);
    engine->found = d2i_SSL_SESSION(NULL, &bytes, (long)length);
    return engine->found != NULL;
}

/* Client: asks for a stapled OCSP response (RFC 6066 §8). */
void KTLS_EXPORT(ktls_engine_request_ocsp)(ktls_engine *engine) {
    SSL_set_tlsext_status_type(engine->ssl, TLSEXT_STATUSTYPE_ocsp);
}

/* Server: staples a response, DER. */
int KTLS_EXPORT(ktls_engine_set_ocsp_response)(ktls_engine *engine, const uint8_t *bytes, uint32_t length) {
    uint8_t *copy = OPENSSL_memdup(bytes, length);
    if (!copy) return 0;
    return (int)SSL_set_tlsext_status_ocsp_resp(engine->ssl, copy, (long)length);
}

/* `questions`: bits of enum ktls_question. */
void KTLS_EXPORT(ktls_engine_answers)(ktls_engine *engine, int questions) {
    engine->asks = (uint8_t)questions;
    ktls_engine_install_psk(engine);
}

int KTLS_EXPORT(ktls_engine_set_psk_hint)(ktls_engine *engine, const char *hint) {
    return SSL_use_psk_identity_hint(engine->ssl, hint);
}

/* The server's handshake stops before it shows a certificate, so that a response can be stapled to it. */
void KTLS_EXPORT(ktls_engine_suspend_for_certificate)(ktls_engine *engine) { engine->suspend_certificate = 1; }

/* The certificate, chain and key of `context`, in place of the connection's own. */
int KTLS_EXPORT(ktls_engine_use_identity)(ktls_engine *engine, SSL_CTX *context) {
    STACK_OF(X509) *chain = NULL;
    X509 *certificate = SSL_CTX_get0_certificate(context);
    EVP_PKEY *key = SSL_CTX_get0_privatekey(context);
    SSL_CTX_get0_chain_certs(context, &chain);
    return certificate && key && SSL_use_cert_and_key(engine->ssl, certificate, key, chain, 1);
}

/* Sessions of other ids are none for this connection: to be called before it negotiates, or while the hello waits. */
int KTLS_EXPORT(ktls_engine_set_session_id_context)(ktls_engine *engine, const uint8_t *id, uint32_t length) {
    ERR_clear_error();
    return SSL_set_session_id_context(engine->ssl, id, length);
}

/* The answer to KTLS_SUSPENDED_HELLO: the context for the client's name, and whose sessions may be resumed in it. */
int KTLS_EXPORT(ktls_engine_set_context)(ktls_engine *engine, SSL_CTX *context, const uint8_t *id, uint32_t length) {
    ERR_clear_error();
    /* Last, as SSL_set_SSL_CTX may bring the context's own. */
    if (!SSL_set_SSL_CTX(engine->ssl, context) || !SSL_set_session_id_context(engine->ssl, id, length)) return 0;
    engine->context_chosen = 1;
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(SSL_CTX_get_client_CA_list(context));
    if (names) SSL_set_client_CA_list(engine->ssl, names);
    return 1;
}
