// crypto/tls of Go with Encrypted ClientHello. `peer server CERT KEY CONFIG PRIVATE`: the configuration and the private key in hexadecimal; says its version and its
// port, and to each client what it saw. `peer client PORT CA NAME LIST`: connects, says what became of it and what it was sent.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
)

func main() {
	if os.Args[1] == "server" {
		serve(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	} else {
		ask(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	}
}

func serve(cert, key, config, private string) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	keys := []tls.EncryptedClientHelloKey{{Config: bytes(config), PrivateKey: bytes(private), SendAsRetry: true}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, EncryptedClientHelloKeys: keys})
	check(err)
	fmt.Println("version", runtime.Version())
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		check(err)
		go tell(conn.(*tls.Conn))
	}
}

func tell(conn *tls.Conn) {
	defer conn.Close()
	if conn.Handshake() != nil {
		return
	}
	state := conn.ConnectionState()
	fmt.Fprintf(conn, "%s %t %t", state.ServerName, state.ECHAccepted, state.DidResume)
}

func ask(port, ca, name, list string) {
	pem, err := os.ReadFile(ca)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: name, EncryptedClientHelloConfigList: bytes(list), MinVersion: tls.VersionTLS13}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	var rejection *tls.ECHRejectionError
	if errors.As(err, &rejection) {
		fmt.Println("rejected", hex.EncodeToString(rejection.RetryConfigList))
		return
	}
	check(err)
	said, err := io.ReadAll(conn)
	check(err)
	fmt.Println(conn.ConnectionState().ECHAccepted, string(said))
}

func bytes(text string) []byte {
	decoded, err := hex.DecodeString(text)
	check(err)
	return decoded
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
