/* Questions that OpenSSL asks in the middle of a handshake and that JavaScript must answer before it goes on. */
#include "engine.h"

#include <string.h>

uint8_t ktls_answer[KTLS_ANSWER_SIZE];

/* Bytes of answer written to `answer`, or -1. Must not throw: the C stack below would be lost. */
KTLS_IMPORT(ask) int import_ask(ktls_engine *engine, int question, const void *bytes, size_t length, uint8_t *answer, size_t room);

int ktls_ask(ktls_engine *engine, enum ktls_question question, const void *bytes, size_t length) {
    /* What JavaScript makes OpenSSL do meanwhile is of other connections. */
    ktls_engine *before = ktls_charge(NULL);
    const int answered = import_ask(engine, question, bytes, length, ktls_answer, KTLS_ANSWER_SIZE);
    ktls_charge(before);
    return answered;
}

static unsigned on_psk_client(SSL *ssl, const char *hint, char *identity, unsigned max_identity, uint8_t *psk, unsigned max_psk) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    const int length = ktls_ask(engine, KTLS_ASK_PSK_CLIENT, hint, hint ? strlen(hint) : 0);
    if (length < 2) return 0;
    /* OpenSSL's buffer has one more byte than it says, for the zero. */
    const unsigned key_length = ktls_answer[0] | ktls_answer[1] << 8;
    const unsigned identity_length = (unsigned)length - 2 - key_length;
    if (key_length + 2 > (unsigned)length || key_length > max_psk || identity_length > max_identity) {
        OPENSSL_cleanse(ktls_answer, KTLS_ANSWER_SIZE);
        return 0;
    }
    memcpy(psk, ktls_answer + 2, key_length);
    memcpy(identity, ktls_answer + 2 + key_length, identity_length);
    identity[identity_length] = 0;
    OPENSSL_cleanse(ktls_answer, KTLS_ANSWER_SIZE);
    return key_length;
}

static unsigned on_psk_server(SSL *ssl, const char *identity, uint8_t *psk, unsigned max_psk) {
    ktls_engine *engine = SSL_get_app_data(ssl);
    const int length = ktls_ask(engine, KTLS_ASK_PSK_SERVER, identity, identity ? strlen(identity) : 0);
    const int fits = length > 0 && (unsigned)length <= max_psk;
    if (fits) memcpy(psk, ktls_answer, (size_t)length);
    OPENSSL_cleanse(ktls_answer, KTLS_ANSWER_SIZE);
    return fits ? (unsigned)length : 0;
}

void ktls_engine_install_psk(ktls_engine *engine) {
    if (engine->asks & KTLS_ASK_PSK_CLIENT) SSL_set_psk_client_callback(engine->ssl, on_psk_client);
    if (engine->asks & KTLS_ASK_PSK_SERVER) SSL_set_psk_server_callback(engine->ssl, on_psk_server);
}
