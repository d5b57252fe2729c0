/* NSS as a peer: as peer.go. It judges nobody: that is not what is looked at. */
#include <nss.h>
#include <pk11pub.h>
#include <prinit.h>
#include <prnetdb.h>
#include <prio.h>
#include <secerr.h>
#include <ssl.h>
#include <sslproto.h>
#include <cert.h>
#include <nssb64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int is_right, const char *what) {
    if (is_right) return;
    fprintf(stderr, "%s: %d\n", what, PR_GetError());
    exit(1);
}

/* What is between the lines of a PEM file. */
static SECItem *der_of(const char *path) {
    static char text[16384];
    FILE *file = fopen(path, "r");
    check(file != NULL, path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *start = strchr(strstr(text, "-----BEGIN"), '\n') + 1;
    *strstr(start, "-----END") = 0;
    SECItem *der = NSSBase64_DecodeBuffer(NULL, NULL, start, (unsigned)strlen(start));
    check(der != NULL, path);
    return der;
}

static SECStatus accept_all(void *arg, PRFileDesc *fd, PRBool check_signature, PRBool is_server) {
    (void)arg, (void)fd, (void)check_signature, (void)is_server;
    return SECSuccess;
}

static PRFileDesc *ssl_on(PRFileDesc *tcp) {
    PRFileDesc *fd = SSL_ImportFD(NULL, tcp);
    check(fd != NULL, "SSL_ImportFD");
    check(SSL_OptionSet(fd, SSL_ENABLE_SESSION_TICKETS, PR_TRUE) == SECSuccess, "tickets");
    const SSLVersionRange range = {SSL_LIBRARY_VERSION_TLS_1_2, SSL_LIBRARY_VERSION_TLS_1_3};
    check(SSL_VersionRangeSet(fd, &range) == SECSuccess, "versions");
    SSL_AuthCertificateHook(fd, accept_all, NULL);
    return fd;
}

static void echo(PRFileDesc *fd) {
    char buffer[16384];
    int n;
    while ((n = PR_Read(fd, buffer, sizeof buffer)) > 0) PR_Write(fd, buffer, n);
    if (n == 0) PR_Write(fd, "bye", 3);
    PR_Close(fd);
}

static void serve(const char *cert_path, const char *key_path) {
    PK11SlotInfo *slot = PK11_GetInternalSlot();
    SECItem *der = der_of(cert_path);
    SECItem *key_der = der_of(key_path);
    SECKEYPrivateKey *key = NULL;
    CERTCertificate *cert = CERT_NewTempCertificate(CERT_GetDefaultCertDB(), der, NULL, PR_FALSE, PR_TRUE);
    check(cert != NULL, "certificate");
    check(PK11_ImportDERPrivateKeyInfoAndReturnKey(slot, key_der, NULL, NULL, PR_FALSE, PR_TRUE, KU_ALL, &key, NULL) == SECSuccess, "key");
    SSL_ConfigServerSessionIDCache(0, 0, 0, NULL);
    PRFileDesc *listener = PR_OpenTCPSocket(PR_AF_INET);
    PRNetAddr name;
    PR_InitializeNetAddr(PR_IpAddrLoopback, 0, &name);
    check(PR_Bind(listener, &name) == PR_SUCCESS && PR_Listen(listener, 8) == PR_SUCCESS, "listen");
    PR_GetSockName(listener, &name);
    printf("version %s\nport %d\n", NSS_GetVersion(), PR_ntohs(PR_NetAddrInetPort(&name)));
    fflush(stdout);
    for (;;) {
        PRFileDesc *fd = ssl_on(PR_Accept(listener, NULL, PR_INTERVAL_NO_TIMEOUT));
        check(SSL_ConfigServerCert(fd, cert, key, NULL, 0) == SECSuccess, "SSL_ConfigServerCert");
        SSL_ResetHandshake(fd, PR_TRUE);
        echo(fd);
    }
}

static int read_all(PRFileDesc *fd, char *buffer, int length) {
    int read = 0;
    for (int n; read < length && (n = PR_Read(fd, buffer + read, length - read)) > 0; read += n) {}
    return read;
}

static void visit(int port) {
    static const char *const words[] = {"hello", "again"};
    char buffer[100];
    PRNetAddr name;
    PR_InitializeNetAddr(PR_IpAddrLoopback, (PRUint16)port, &name);
    PRFileDesc *tcp = PR_OpenTCPSocket(PR_AF_INET);
    check(PR_Connect(tcp, &name, PR_INTERVAL_NO_TIMEOUT) == PR_SUCCESS, "connect");
    PRFileDesc *fd = ssl_on(tcp);
    SSL_SetURL(fd, "localhost");
    SSL_SetSockPeerID(fd, "peer");
    SSL_ResetHandshake(fd, PR_FALSE);
    check(SSL_ForceHandshake(fd) == SECSuccess, "handshake");
    for (int word = 0; word < 2; word++) {
        check(PR_Write(fd, words[word], 5) == 5, "write");
        check(read_all(fd, buffer, 5) == 5, "read");
    }
    PR_Shutdown(fd, PR_SHUTDOWN_SEND);
    const int n = read_all(fd, buffer, sizeof buffer);
    printf("rest %.*s\n", n, buffer);
    fflush(stdout);
    PR_Close(fd);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    check(NSS_NoDB_Init(NULL) == SECSuccess, "NSS_NoDB_Init");
    NSS_SetDomesticPolicy();
    if (strcmp(argv[1], "server") == 0) serve(argv[2], argv[3]);
    for (int i = 0; i < atoi(argv[4]); i++) visit(atoi(argv[2]));
    return 0;
}
