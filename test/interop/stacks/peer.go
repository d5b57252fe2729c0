// crypto/tls of Go as a peer. `peer server CERT KEY`: says its version and its port, echoes, answers the end with "bye". `peer client PORT CA COUNT`: connects so often,
// one after the other, sends, reads the echo, ends its half and says what came behind the echo.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
)

func main() {
	if os.Args[1] == "server" {
		serve(os.Args[2], os.Args[3])
	} else {
		count, _ := strconv.Atoi(os.Args[4])
		ask(os.Args[2], os.Args[3], count)
	}
}

func serve(cert, key string) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	check(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	check(err)
	fmt.Println("version", runtime.Version())
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		check(err)
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 16384)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			conn.Write(buffer[:n])
		}
		if err == io.EOF {
			conn.Write([]byte("bye"))
			return
		}
		if err != nil {
			return
		}
	}
}

func ask(port, ca string, count int) {
	pem, err := os.ReadFile(ca)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	for i := 0; i < count; i++ {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
		check(err)
		for _, word := range []string{"hello", "again"} {
			conn.Write([]byte(word))
			_, err = io.ReadFull(conn, make([]byte, len(word)))
			check(err)
		}
		check(conn.CloseWrite())
		rest, err := io.ReadAll(conn)
		fmt.Printf("rest %s\n", rest)
		conn.Close()
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
