/* BearSSL as a peer: as peer.go. It judges nobody's certificate but by its key: that is not what is looked at. */
#include <arpa/inet.h>
#include <bearssl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char buffers[BR_SSL_BUFSIZE_BIDI];

static void check(int is_right, const char *what) {
    if (is_right) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static int receive(void *fd, unsigned char *data, size_t length) {
    ssize_t n = read(*(int *)fd, data, length);
    return n > 0 ? (int)n : -1;
}

static int transmit(void *fd, const unsigned char *data, size_t length) {
    ssize_t n = send(*(int *)fd, data, length, MSG_NOSIGNAL);
    return n > 0 ? (int)n : -1;
}

struct bytes {
    unsigned char data[8192];
    size_t length;
};

static void append(void *bytes, const void *data, size_t length) {
    struct bytes *to = bytes;
    check(to->length + length <= sizeof to->data, "PEM");
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

/* The first object of a PEM file. */
static struct bytes der_of(const char *path) {
    struct bytes der = {.length = 0};
    char text[16384];
    FILE *file = fopen(path, "r");
    check(file != NULL, path);
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    br_pem_decoder_context decoder;
    br_pem_decoder_init(&decoder);
    br_pem_decoder_setdest(&decoder, append, &der);
    for (size_t at = 0; at < length;) {
        at += br_pem_decoder_push(&decoder, text + at, length - at);
        if (br_pem_decoder_event(&decoder) == BR_PEM_END_OBJ) break;
    }
    return der;
}

static void serve(const char *cert, const char *key) {
    static struct bytes cert_der, key_der;
    static br_skey_decoder_context decoder;
    static br_ssl_session_cache_lru sessions;
    static unsigned char session_store[4096];
    cert_der = der_of(cert);
    key_der = der_of(key);
    br_x509_certificate chain = {cert_der.data, cert_der.length};
    br_skey_decoder_init(&decoder);
    br_skey_decoder_push(&decoder, key_der.data, key_der.length);
    const br_rsa_private_key *rsa = br_skey_decoder_get_rsa(&decoder);
    check(rsa != NULL, "key");
    br_ssl_session_cache_lru_init(&sessions, session_store, sizeof session_store);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 8) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&name, &length);
    printf("version 0.6\nport %d\n", ntohs(name.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        br_ssl_server_context server;
        br_sslio_context io;
        unsigned char data[16384];
        int n;
        br_ssl_server_init_full_rsa(&server, &chain, 1, rsa);
        br_ssl_server_set_cache(&server, &sessions.vtable);
        br_ssl_engine_set_buffer(&server.eng, buffers, sizeof buffers, 1);
        br_ssl_server_reset(&server);
        br_sslio_init(&io, &server.eng, receive, &client, transmit, &client);
        while ((n = br_sslio_read(&io, data, sizeof data)) > 0) {
            br_sslio_write_all(&io, data, (size_t)n);
            br_sslio_flush(&io);
        }
        br_sslio_write_all(&io, "bye", 3);
        br_sslio_flush(&io);
        br_sslio_close(&io);
        close(client);
    }
}

static void visit(int port, const br_x509_trust_anchor *anchor, br_ssl_session_parameters *session, int resumes) {
    static const char *const words[] = {"hello", "again"};
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    br_ssl_client_context client;
    br_x509_minimal_context x509;
    br_sslio_context io;
    char data[100];
    check(connect(server, (struct sockaddr *)&name, sizeof name) == 0, "connect");
    br_ssl_client_init_full(&client, &x509, anchor, 1);
    br_ssl_engine_set_buffer(&client.eng, buffers, sizeof buffers, 1);
    if (resumes) br_ssl_engine_set_session_parameters(&client.eng, session);
    br_ssl_client_reset(&client, "localhost", resumes);
    br_sslio_init(&io, &client.eng, receive, &server, transmit, &server);
    for (int word = 0; word < 2; word++) {
        br_sslio_write_all(&io, words[word], 5);
        br_sslio_flush(&io);
        check(br_sslio_read_all(&io, data, 5) == 0, "echo");
    }
    br_ssl_engine_get_session_parameters(&client.eng, session);
    br_ssl_engine_close(&client.eng);
    int n = br_sslio_read(&io, data, sizeof data);
    printf("rest %.*s\n", n > 0 ? n : 0, data);
    fflush(stdout);
    close(server);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    if (strcmp(argv[1], "server") == 0) serve(argv[2], argv[3]);
    struct bytes der = der_of(argv[3]);
    struct bytes subject = {.length = 0};
    br_x509_decoder_context decoder;
    br_x509_decoder_init(&decoder, append, &subject);
    br_x509_decoder_push(&decoder, der.data, der.length);
    br_x509_trust_anchor anchor = {{subject.data, subject.length}, BR_X509_TA_CA, *br_x509_decoder_get_pkey(&decoder)};
    br_ssl_session_parameters session;
    for (int i = 0; i < atoi(argv[4]); i++) visit(atoi(argv[2]), &anchor, &session, i > 0);
    return 0;
}
