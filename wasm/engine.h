/* The module's inner interface. What JavaScript may call is marked KTLS_EXPORT; src/engine/openssl/ffi.ts has the same list. */
#ifndef KTLS_ENGINE_H
#define KTLS_ENGINE_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define KTLS_EXPORT(name) __attribute__((export_name(#name), used, visibility("default"))) name
#define KTLS_IMPORT(name) __attribute__((import_module("ktls"), import_name(#name)))

enum { KTLS_READ = 0, KTLS_WRITE = 1 };

/* Kinds of entries in a log; src/engine/openssl/outputs.ts reads them. */
enum ktls_output {
    KTLS_OUT_CIPHERTEXT = 1,   /* bytes for the peer */
    KTLS_OUT_RECORD,           /* detail = content type, bytes = fragment: for the installed record layer */
    KTLS_OUT_INSTALL_KEYS,     /* detail = direction, bytes = struct tls12_crypto_info_* */
    KTLS_OUT_APPLICATION_DATA, /* bytes that OpenSSL opened itself */
    KTLS_OUT_HANDSHAKE_DONE,   /* bytes: what was agreed on, see inspect.c */
    KTLS_OUT_SESSION,          /* bytes = u8 length, session id, u16 length, ticket, ASN.1 of the SSL_SESSION */
    KTLS_OUT_KEY_LOG,          /* one line of a key log, no line end */
    KTLS_OUT_CLOSE_NOTIFY,
    KTLS_OUT_ALERT,            /* detail = direction, bytes = level, description */
    KTLS_OUT_SUSPENDED,        /* detail = enum ktls_suspension; goes on with ktls_engine_resume */
    KTLS_OUT_ERROR,            /* bytes = error queue, see errors.c; final */
    KTLS_OUT_KEY_UPDATE,       /* the peer changed its keys; detail = 1 when it asked for ours */
    KTLS_OUT_RENEGOTIATION,    /* the peer asked for a new handshake, which was refused */
    KTLS_OUT_OCSP_RESPONSE,    /* client: bytes = the stapled response; none when detail = 0 */
    KTLS_OUT_TRACE,            /* a message sent or received, in words (SSL_trace(3)) */
    KTLS_OUT_KEYS,             /* detail = direction, bytes = struct tls12_crypto_info_*: what OpenSSL itself protects with from here on */
};

/* A growing row of entries: u8 kind, u8 detail, u16 zero, u32 length, bytes. May hold secrets: cleansed when it moves or ends. */
struct ktls_engine;
struct ktls_log {
    uint8_t *data;
    uint32_t length;
    uint32_t capacity;
};
void ktls_log_append(struct ktls_log *log, enum ktls_output kind, uint8_t detail, const void *bytes, size_t length);
void ktls_log_bytes(struct ktls_log *log, const void *bytes, size_t length);
void ktls_log_free(struct ktls_log *log);
void ktls_log_done(struct ktls_engine *engine);

/* What a getter answers; JavaScript reads it before its next call. */
extern struct ktls_log ktls_result;
void ktls_result_clear(void);

/* JavaScript puts a record or application data here before a call. */
extern uint8_t ktls_scratch[];
enum { KTLS_SCRATCH_SIZE = 32768 };

typedef struct ktls_engine {
    struct ktls_log log; /* first: JavaScript reads its fields in place */
    SSL *ssl;
    SSL_CTX *server_context; /* the one that it was made with: its ticket keys are the server's, whatever context is chosen for a name */
    const uint8_t *input; /* not yet read part of the record being received */
    size_t input_length;
    size_t held_back;        /* bytes behind the record with which the read keys were handed out */
    uint32_t offload[2];     /* by direction: bit (cipher_type - 51) set when a record layer outside takes that cipher */
    uint8_t installed[2];    /* by direction: a record layer outside carries it */
    uint8_t next_type;       /* content type of the next write to an outside layer; 0: application data */
    uint8_t finished;
    uint8_t failed;
    uint8_t closed;          /* close_notify was reported */
    uint8_t want_key_log;
    uint8_t suspend_hello;
    uint8_t hello_ready;
    uint8_t suspend_certificate;
    uint8_t certificate_ready;
    uint8_t context_chosen;  /* server: for server_name, and by that acknowledged (RFC 6066 §3) */
    uint8_t report_sessions; /* server: outputs KTLS_OUT_SESSION too */
    uint8_t traces;          /* outputs KTLS_OUT_TRACE */
    uint8_t reports_keys;    /* outputs KTLS_OUT_KEYS */
    uint8_t asks;            /* bits of enum ktls_question that JavaScript answers */
    uint8_t *alpn;           /* server: protocols in order of preference, wire format */
    uint32_t alpn_length;
    char *server_name;       /* server: the name in the client's hello; NULL without one */
    int64_t charge;          /* bytes that it has taken while it was not finished (memory.c) */
    uint8_t refused;         /* it was given no more */
    SSL_SESSION *found;      /* server: the session that was found for the client's session id */
    struct ktls_ech *ech;    /* what a key log still has to say of the encrypted hello; NULL for nothing */
    uint8_t hello_random[SSL3_RANDOM_SIZE]; /* server: of the hello as it came */
} ktls_engine;

enum ktls_suspension {
    KTLS_SUSPENDED_CERTIFICATE = 1, /* bytes: u8 1 if a stapled response is wanted */
    KTLS_SUSPENDED_HELLO = 2,       /* bytes: u8 1 if there is a ticket, u8 length, session id, then the server's name */
};

/* What only JavaScript can answer, and at once. */
enum ktls_question {
    KTLS_ASK_ALPN = 1,       /* the client's protocols in wire format → u16 offset of the chosen one */
    KTLS_ASK_PSK_CLIENT = 2, /* the server's hint → key length u16, key, identity */
    KTLS_ASK_PSK_SERVER = 4, /* the client's identity → key */
    /* These are of no engine; what is asked is in signatures.c. */
    KTLS_ASK_SIGN = 8,        /* → signature */
    KTLS_ASK_VERIFY = 16,     /* → u8 1 if the signature is right */
    KTLS_ASK_DECRYPT = 32,    /* → premaster secret */
    KTLS_ASK_FORGET_KEY = 64, /* no answer */
    /* Likewise, in key_exchange.c. */
    KTLS_ASK_EXCHANGE_START = 128,   /* → u32 number, share */
    KTLS_ASK_EXCHANGE_RESPOND = 256, /* → u32 length of the share, share, secret */
    KTLS_ASK_EXCHANGE_FINISH = 512,  /* → secret; the number is gone, whatever the answer */
    KTLS_ASK_EXCHANGE_FORGET = 1024, /* no answer */
};
/* Bytes of answer in ktls_answer, or -1 for none. */
int ktls_ask(ktls_engine *engine, enum ktls_question question, const void *bytes, size_t length);
extern uint8_t ktls_answer[];
enum { KTLS_ANSWER_SIZE = 2048 }; /* a signature of RSA-16384 */

ktls_engine *ktls_charge(ktls_engine *engine);
ktls_engine *ktls_charged(void);
void ktls_discharge(ktls_engine *engine);
BIO *ktls_record_bio_new(ktls_engine *engine);
void ktls_errors_collect(struct ktls_log *log);
void ktls_errors_append(struct ktls_log *log, uint32_t code, const char *library, const char *reason, const char *data);
/* Errors that are none of OpenSSL's; src/engine/openssl/openssl-error.ts has the same texts. */
#define KTLS_LIBRARY "ktls"
#define KTLS_REASON_HANDSHAKE_MEMORY "handshake out of memory"
void ktls_engine_abort(ktls_engine *engine);
void ktls_engine_collect_error(ktls_engine *engine);
void ktls_context_install_callbacks(SSL_CTX *context);
void ktls_context_install_tickets(SSL_CTX *context);
void ktls_engine_install_psk(ktls_engine *engine);
void ktls_engine_request_nothing(ktls_engine *engine);
int ktls_exchange_group(const EVP_PKEY *key);

#if OPENSSL_VERSION_MAJOR >= 4 && !defined OPENSSL_NO_ECH
#define KTLS_ECH
void ktls_ech_log(ktls_engine *engine, const char *line, size_t length);
void ktls_ech_forget(ktls_engine *engine);
#else
static inline void ktls_ech_log(ktls_engine *engine, const char *line, size_t length) {
    ktls_log_append(&engine->log, KTLS_OUT_KEY_LOG, 0, line, length);
}
static inline void ktls_ech_forget(ktls_engine *engine) { (void)engine; }
#endif

#endif
