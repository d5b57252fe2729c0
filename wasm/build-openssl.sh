#!/bin/sh
# Configures and builds OpenSSL's static libraries for WebAssembly; emcc must be on PATH.
#   build-openssl.sh SOURCE BUILD      SOURCE: an unpacked release, BUILD: where libssl.a, libcrypto.a and include/ go
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd)
mkdir -p "$2"
build=$(cd "$2" && pwd)

# Left in: TLS 1.0 to 1.3 with every suite that node:tls offers by default, PSK, OCSP stapling, PKCS#12 and encrypted
# PEM (3DES, scrypt), all of node's curves, ML-KEM, error strings. MD5 cannot be left out, and old PEM files need it.
platform='no-asm no-threads no-shared no-pic no-dso no-module no-engine no-afalgeng no-async no-atexit no-autoload-config
  no-posix-io no-stdio no-secure-memory no-ui-console no-filenames no-apps no-tests no-docs no-makedepend'
protocols='no-dtls no-quic no-ssl3 no-srp no-srtp no-sctp no-comp no-nextprotoneg no-multiblock
  no-integrity-only-ciphers'
formats='no-cms no-cmp no-ct no-ts no-rfc3779 no-legacy no-deprecated'
algorithms='no-aria no-argon2 no-bf no-blake2 no-camellia no-cast no-cmac no-dsa no-ec2m no-gost no-idea no-md4 no-mdc2
  no-ml-dsa no-ocb no-rc2 no-rc4 no-rc5 no-rmd160 no-seed no-siphash no-siv no-slh-dsa no-sm2 no-sm3 no-sm4 no-whirlpool'
wanted='enable-ktls enable-ec_nistp_64_gcc_128 enable-ssl-trace'

# Same inputs, same bytes: no date and no path of this machine.
export SOURCE_DATE_EPOCH=0 LC_ALL=C
unset CC CXX AR RANLIB CFLAGS CPPFLAGS LDFLAGS || true
cd "$build"

# The compiler that emcc would run, with emcc's flags, as a script: four times faster than emcc itself, and OpenSSL
# puts "./cc" into its version string instead of a command line of this machine.
echo 'int probe;' >probe.c
clang=$(emcc -v -c probe.c -o probe.o 2>&1 | tr -d '"' | sed -n 's/^ *\(\/[^ ]*clang[^ ]*\) .*/\1/p' | head -n 1)
flags=$(emcc --cflags)
[ -x "$clang" ] || { clang=emcc flags=; }
cat >cc <<SCRIPT
#!/bin/sh
exec $clang $flags -isystem "$here/include" -include "$here/multiply.h" \\
  -ffile-prefix-map="$source=openssl" -ffile-prefix-map="$build=build" -ffile-prefix-map="$here=wasm" "\$@"
SCRIPT
chmod +x cc

# Changes to the source, harmless when made again: the NIST curves multiply inline (multiply.h); Keccak (for
# ML-KEM) works on whole 64-bit words, which WebAssembly has although its pointers are short; and a connection has room
# for one record each way, not for 32 that hardware would work on at once: 6 KiB less.
operand='(\w+(?:\[\w+\])?)'
perl -pi -e "s/\(\((?:uint128_t|widelimb)\)\s*$operand\)\s*\*\s*$operand/ktls_multiply_wide(\$1, \$2)/g" \
  "$source"/crypto/ec/ecp_nistp224.c "$source"/crypto/ec/ecp_nistp256.c \
  "$source"/crypto/ec/ecp_nistp384.c "$source"/crypto/ec/ecp_nistp521.c
perl -pi -e 's/define BIT_INTERLEAVE \(sizeof.*/define BIT_INTERLEAVE (0)/' "$source/crypto/sha/keccak1600.c"
perl -pi -e 's/(define SSL_MAX_PIPELINES) 32/$1 1/' "$source/include/openssl/ssl.h.in"

# A peer that negotiates a maximum fragment length (RFC 6066 §4) is no reason to keep the keys: whoever gets them cuts at it, too.
perl -pi -e 's/rl->max_frag_len != SSL3_RT_MAX_PLAIN_LENGTH/0/' "$source/ssl/record/methods/ktls_meth.c"

# CVE-2026-35189, mended in 3.5.9, 3.6.5 and 4.0.3: each distribution point that is relative to its issuer's name gets a copy of that name, so that a
# certificate of 100 KiB took hundreds of MiB. One whose names came to more than 64 KiB is invalid. Conforming CAs do not have such points
# (RFC 5280 §4.2.1.13).
purpose="$source/crypto/x509/v3_purp.c"
. "$source/VERSION.dat"
case $MAJOR.$MINOR.$PATCH in 3.5.[0-8] | 3.6.[0-4] | 4.0.[0-2])
  bound='(int64_t)sk_DIST_POINT_num(x->crldp) * i2d_X509_NAME(iname, NULL) > 65536 ? 0 :'
  BOUND=$bound perl -pi -e 's/return (DIST_POINT_set_dpname\(dp->distpoint, iname\) \? 1 : -1;)/return $ENV{BOUND} $1/' "$purpose"
  grep -qF "return $bound DIST_POINT_set_dpname" "$purpose" || { echo "CVE-2026-35189: no place for the bound in $purpose" >&2; exit 1; }
esac

# From 4.0 on there is Encrypted ClientHello, whose HPKE wants OpenSSL's HKDF; the key schedule of TLS in the same file stays ours
# (key_schedule.c). A key log needs the secret of an encrypted hello (RFC 9850 §2.3), which OpenSSL does not tell (ech.c).
case $MAJOR in 4)
  perl -pi -e 's/^(const OSSL_DISPATCH) ossl_(kdf_tls1_3_kdf_functions\[\])/$1 unused_$2/' \
    "$source/providers/implementations/kdfs/hkdf.c"
  grep -q ktls_hpke_shared_secret "$source/crypto/hpke/hpke.c" || cat >>"$source/crypto/hpke/hpke.c" <<'C'

size_t ktls_hpke_shared_secret(const OSSL_HPKE_CTX *ctx, const unsigned char **secret)
{
    *secret = ctx->shared_secret;
    return ctx->shared_secretlen;
}
C
esac

# A client takes a rejection after a HelloRetryRequest that named the extension for a breach of the protocol, and tells no retry configurations: it asks whether
# the retry had the extension, and means whether it accepted (RFC 9849 §6.1.5). Of a handshake that is rejected twice so, the first name is kept, and freed once.
hello="$source/ssl/statem/statem_clnt.c"
case $MAJOR.$MINOR.$PATCH in 4.0.[0-3])
  perl -0pi -e 's/(\bif \(s->ext\.ech\.es != NULL\s+&& s->ext\.ech\.done != 1[^{]*\{)(?!\s*const int accepted)/$1\n        const int accepted = s->ext.ech.success;/;
    s/(s->ext\.ech\.success == 0\s+&&) s->ext\.ech\.hrrsignal_p != NULL\)/$1 accepted == 1)/;
    s/^( +)(s->ext\.ech\.former_inner = s->ext\.hostname;)/$1if (s->ext.ech.former_inner != NULL)\n$1    OPENSSL_free(s->ext.hostname);\n$1else\n$1    $2/m' "$hello"
  grep -q 'const int accepted = s->ext.ech.success;' "$hello" && grep -q '&& accepted == 1)' "$hello" && grep -q 'former_inner != NULL)' "$hello" || { echo "no place for what a retry accepted in $hello" >&2; exit 1; }
esac

perl "$source/Configure" --config="$here/openssl.conf" linux-wasm32 --prefix=/ktls --openssldir=/ktls \
  $platform $protocols $formats $algorithms $wanted CC=./cc AR=emar RANLIB=emranlib
make -j"$(nproc)" build_generated
make -j"$(nproc)" libcrypto.a libssl.a
