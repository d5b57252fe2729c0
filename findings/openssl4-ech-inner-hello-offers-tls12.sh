#!/bin/sh
# OpenSSL 4's client offers TLS 1.2 inside an encrypted ClientHello, unless told to offer TLS 1.3 alone, and Go's server ends such a handshake with
# illegal_parameter: two implementations of RFC 9849 that do not come together by default. RFC 9849 §6.1: the inner hello must not offer TLS 1.2 or below.
# OpenSSL's own server takes it, as NSS's does. Clients have to set the lowest version themselves (s_client -tls1_3, SSL_set_min_proto_version(3)).
# Versions: openssl and libssl4 4.0.3-1 (Debian experimental), golang-1.27 1.27.3-1 (Debian unstable), libraries of unstable.
# Seen by running both, 2026-11-29. Needs Debian on x86-64 with apt. Prints what became of each connection; ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
peer=
trap 'test -z "$peer" || kill "$peer"; rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p lists/partial cache/archives/partial none debs debian
keys=$(ls /usr/share/keyrings/debian-archive-keyring.*g* | head -n 1)
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
for suite in experimental unstable; do echo "deb [signed-by=$keys] $mirror $suite main"; done > sources.list
own="-o Dir::Etc::SourceList=$folder/sources.list -o Dir::Etc::SourceParts=$folder/none -o Dir::State::Lists=$folder/lists -o Dir::Cache=$folder/cache
  -o APT::Sandbox::User=root -o Acquire::Languages=none"
apt-get $own -q update > apt.log 2>&1
(cd debs && apt-get $own -q download openssl=4.0.3-1 libssl4=4.0.3-1 golang-1.27-go=1.27.3-1 golang-1.27-src=1.27.3-1 libc6 libzstd1 zlib1g >> ../apt.log 2>&1)
for deb in debs/*.deb; do dpkg-deb -x "$deb" debian; done
libraries=$folder/debian/usr/lib/x86_64-linux-gnu
openssl() { OPENSSL_CONF=/dev/null "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$folder/debian/usr/bin/openssl" "$@"; }

openssl version
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=outer.example -addext subjectAltName=DNS:outer.example,DNS:inner.example \
  -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem 2> openssl.log
openssl ech -public_name outer.example -out ech.pem 2> openssl.log
list=$(sed -n '/BEGIN ECHCONFIG/,/END ECHCONFIG/p' ech.pem | grep -v -e ----- | tr -d '\n')

cat > peer.go <<'EOF'
package main

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"runtime"
)

func main() {
	pair, _ := tls.LoadX509KeyPair("cert.pem", "key.pem")
	file, _ := os.ReadFile("ech.pem")
	block, _ := pem.Decode(file)
	list, _ := base64.StdEncoding.DecodeString(os.Args[1])
	// Behind the length of the list; the last 32 bytes of PKCS #8 are X25519's key.
	keys := []tls.EncryptedClientHelloKey{{Config: list[2:], PrivateKey: block.Bytes[len(block.Bytes)-32:]}}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, EncryptedClientHelloKeys: keys}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port, runtime.Version())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		server := tls.Server(conn, config)
		if err := server.Handshake(); err != nil {
			fmt.Fprintln(os.Stderr, "go:", err)
		}
		conn.Close()
	}
}
EOF
go=$folder/debian/usr/lib/go-1.27
rm -f "$go/src" && ln -s "$folder/debian/usr/share/go-1.27/src" "$go/src"
for name in pkg lib; do test -e "$go/$name" || ln -s "$folder/debian/usr/share/go-1.27/$name" "$go/$name"; done
GOROOT=$go GOCACHE=$folder/go-cache GOPATH=$folder/gopath CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local "$go/bin/go" build -o peer peer.go
mkfifo said
timeout 120 ./peer "$list" > said 2> peer.log &
peer=$!
read -r port version < said
echo "server: $version"
ask() {
  openssl s_client -connect "127.0.0.1:$port" -servername inner.example -CAfile cert.pem -ech_config_list "$list" "$@" < /dev/null > client.txt 2>&1 || true
  grep -o -m 1 -e 'ECH: success: 1' -e 'tls alert illegal parameter' client.txt || echo 'something else'
}
default=$(ask)
only=$(ask -tls1_3)
echo "default versions: $default"
echo "TLS 1.3 alone:    $only"
cat peer.log
test "$default" = 'tls alert illegal parameter' && test "$only" = 'ECH: success: 1'
