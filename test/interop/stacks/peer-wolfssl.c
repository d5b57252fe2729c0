/* wolfSSL as a peer: as peer.go. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int is_right, const char *what) {
    if (is_right) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static void echo(WOLFSSL *ssl) {
    char buffer[16384];
    int n;
    while ((n = wolfSSL_read(ssl, buffer, sizeof buffer)) > 0) wolfSSL_write(ssl, buffer, n);
    if (wolfSSL_get_error(ssl, n) == WOLFSSL_ERROR_ZERO_RETURN) {
        wolfSSL_write(ssl, "bye", 3);
        wolfSSL_shutdown(ssl);
    }
}

static void serve(const char *cert, const char *key) {
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfSSLv23_server_method());
    struct sockaddr_in name = loopback(0);
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(wolfSSL_CTX_use_certificate_file(context, cert, WOLFSSL_FILETYPE_PEM) == 1, "certificate");
    check(wolfSSL_CTX_use_PrivateKey_file(context, key, WOLFSSL_FILETYPE_PEM) == 1, "key");
    check(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 8) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&name, &length);
    printf("version %s\nport %d\n", wolfSSL_lib_version(), ntohs(name.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        WOLFSSL *ssl = wolfSSL_new(context);
        wolfSSL_set_fd(ssl, client);
        if (wolfSSL_accept(ssl) == 1) echo(ssl);
        wolfSSL_free(ssl);
        close(client);
    }
}

static WOLFSSL_SESSION *visit(WOLFSSL_CTX *context, int port, WOLFSSL_SESSION *session) {
    static const char *const words[] = {"hello", "again"};
    char buffer[100];
    struct sockaddr_in name = loopback(port);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    WOLFSSL *ssl = wolfSSL_new(context);
    int n;
    check(connect(server, (struct sockaddr *)&name, sizeof name) == 0, "connect");
    wolfSSL_check_domain_name(ssl, "localhost");
    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, "localhost", 9);
    wolfSSL_UseSessionTicket(ssl);
    if (session) wolfSSL_set_session(ssl, session);
    wolfSSL_set_fd(ssl, server);
    check(wolfSSL_connect(ssl) == 1, "handshake");
    for (int word = 0; word < 2; word++) {
        check(wolfSSL_write(ssl, words[word], 5) == 5, "write");
        check(wolfSSL_read(ssl, buffer, 5) == 5, "read");
    }
    if (!session) session = wolfSSL_get1_session(ssl);
    wolfSSL_shutdown(ssl);
    n = wolfSSL_read(ssl, buffer, sizeof buffer);
    printf("rest %.*s\n", n > 0 ? n : 0, buffer);
    fflush(stdout);
    wolfSSL_free(ssl);
    close(server);
    return session;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    wolfSSL_Init();
    if (strcmp(argv[1], "server") == 0) serve(argv[2], argv[3]);
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfSSLv23_client_method());
    check(wolfSSL_CTX_load_verify_locations(context, argv[3], NULL) == 1, "authority");
    WOLFSSL_SESSION *session = NULL;
    for (int i = 0; i < atoi(argv[4]); i++) session = visit(context, atoi(argv[2]), session);
    return 0;
}
