#include "record_key.h"

#include <cstring>

namespace record {

namespace {

// TLS 1.3's legacy_record_version and TLS 1.2's version.
constexpr uint8_t wireVersion[] = {3, 3};
// RFC 8446 §5.2, RFC 5246 §6.2.3.
constexpr size_t maxBodyLength13 = maxFragmentLength + 256;
constexpr size_t maxBodyLength12 = maxFragmentLength + 2048;

// RFC 8446 §5.1.
constexpr uint8_t alert = 21;
constexpr uint8_t handshake = 22;

constexpr Aead aeads[] = {
    {"aes-128-gcm", 16, true},
    {"aes-256-gcm", 32, true},
    {"chacha20-poly1305", 32, false},
};

void WriteBigEndian(uint64_t value, size_t length, uint8_t* out) {
  for (size_t i = length; i-- > 0; value >>= 8) out[i] = static_cast<uint8_t>(value);
}

void WriteHeader(uint8_t type, size_t bodyLength, uint8_t* out) {
  out[0] = type;
  memcpy(out + 1, wireVersion, sizeof wireVersion);
  WriteBigEndian(bodyLength, 2, out + 3);
}

// Counts a number of 8 bytes up, as the kernel does with a nonce's explicit part.
void Increment(uint8_t* number) {
  for (size_t i = 8; i-- > 0;) {
    if (++number[i] != 0) return;
  }
}

// A nonce is as secret as the IV: that of a key's first record is the IV. It does not stay on the stack.
struct NonceBuffer {
  const Libcrypto& libcrypto;
  uint8_t bytes[ivLength] = {};

  explicit NonceBuffer(const Libcrypto& l) : libcrypto(l) {}
  ~NonceBuffer() { libcrypto.OPENSSL_cleanse(bytes, sizeof bytes); }
};

// TLSInnerPlaintext: content, type, zeros (RFC 8446 §5.2).
Fault Unwrap(const uint8_t* inner, size_t length, Opened* opened) {
  // §5.4: the limit is one for content, type and padding together.
  if (length > maxFragmentLength + 1) return Fault::plaintextTooLong;
  while (length > 0 && inner[length - 1] == 0) length--;
  if (length == 0) return Fault::noContentType;
  *opened = {inner[length - 1], length - 1};
  // §5.1: of these only application data may be empty.
  const bool control = opened->type == alert || opened->type == handshake;
  return control && opened->length == 0 ? Fault::emptyControlRecord : Fault::none;
}

// Looked up once: it takes as long as setting a key. Never freed: libcrypto may end before static objects do.
Libcrypto::Cipher* CipherOf(const Aead& aead) {
  struct All {
    Libcrypto::Cipher* ciphers[sizeof aeads / sizeof *aeads];
    All() {
      for (size_t i = 0; i < sizeof aeads / sizeof *aeads; i++)
        ciphers[i] = Libcrypto::Find()->EVP_CIPHER_fetch(nullptr, aeads[i].name, nullptr);
    }
  };
  static const All all;
  return all.ciphers[&aead - aeads];
}

}  // namespace

const Aead* FindAead(std::string_view name) {
  for (const Aead& aead : aeads) {
    if (name == aead.name) return &aead;
  }
  return nullptr;
}

RecordKey::RecordKey(const Libcrypto& libcrypto, const Aead& aead, bool tls13, bool seal, const uint8_t* iv,
                     uint64_t sequenceNumber)
    : libcrypto_(libcrypto),
      aead_(aead),
      tls13_(tls13),
      explicitNonce_(!tls13 && aead.explicitNonce),
      seal_(seal),
      sequenceNumber_(sequenceNumber) {
  memcpy(iv_, iv, ivLength);
}

bool RecordKey::Install(const uint8_t* key) {
  Libcrypto::Cipher* cipher = CipherOf(aead_);
  if (cipher == nullptr) return false;
  context_ = libcrypto_.EVP_CIPHER_CTX_new();
  auto* initialize = seal_ ? libcrypto_.EVP_EncryptInit_ex : libcrypto_.EVP_DecryptInit_ex;
  const bool installed = context_ != nullptr && initialize(context_, cipher, nullptr, key, nullptr) == 1;
  if (!installed) Wipe();
  return installed;
}

void RecordKey::Wipe() {
  // Cleanses the key schedule, too.
  libcrypto_.EVP_CIPHER_CTX_free(context_);
  context_ = nullptr;
  libcrypto_.OPENSSL_cleanse(iv_, sizeof iv_);
}

// RFC 5288 §3: salt and explicit part. Otherwise RFC 8446 §5.3, RFC 7905 §2: the IV XORed with the sequence number.
void RecordKey::Nonce(const uint8_t* explicitPart, uint8_t nonce[ivLength]) const {
  memcpy(nonce, iv_, ivLength);
  if (explicitNonce_) {
    memcpy(nonce + 4, explicitPart, 8);
    return;
  }
  uint8_t number[8];
  WriteBigEndian(sequenceNumber_, 8, number);
  for (size_t i = 0; i < 8; i++) nonce[4 + i] ^= number[i];
}

void RecordKey::Advance() {
  sequenceNumber_++;
  usedUp_ = sequenceNumber_ == 0;
  if (explicitNonce_) Increment(iv_ + 4);
}

// RFC 8446 §5.2: the record's header. RFC 5246 §6.2.3.3: sequence number, type, version, length of the plaintext.
size_t RecordKey::AdditionalData(const uint8_t header[headerLength], size_t fragmentLength, uint8_t out[13]) const {
  if (tls13_) {
    memcpy(out, header, headerLength);
    return headerLength;
  }
  WriteBigEndian(sequenceNumber_, 8, out);
  memcpy(out + 8, header, 3);
  WriteBigEndian(fragmentLength, 2, out + 11);
  return 13;
}

bool RecordKey::Seal(uint8_t type, const uint8_t* fragment, size_t length, uint8_t* out) {
  WriteHeader(tls13_ ? applicationData : type, length + overhead() - headerLength, out);
  uint8_t* body = out + headerLength;
  if (explicitNonce_) memcpy(body, iv_ + 4, 8);
  NonceBuffer buffer(libcrypto_);
  uint8_t* nonce = buffer.bytes;
  Nonce(body, nonce);
  uint8_t additional[13];
  const auto additionalLength = static_cast<int>(AdditionalData(out, length, additional));

  uint8_t* text = body + explicitLength();
  int written = 0;
  if (libcrypto_.EVP_EncryptInit_ex(context_, nullptr, nullptr, nullptr, nonce) != 1) return false;
  if (libcrypto_.EVP_EncryptUpdate(context_, nullptr, &written, additional, additionalLength) != 1) return false;
  if (length > 0) {
    if (libcrypto_.EVP_EncryptUpdate(context_, text, &written, fragment, static_cast<int>(length)) != 1) return false;
    text += written;
  }
  if (tls13_) {
    // TLSInnerPlaintext: the fragment, then its type; no padding.
    if (libcrypto_.EVP_EncryptUpdate(context_, text, &written, &type, 1) != 1) return false;
    text += written;
  }
  if (libcrypto_.EVP_EncryptFinal_ex(context_, text, &written) != 1) return false;
  if (libcrypto_.EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, tagLength, text + written) != 1) return false;
  Advance();
  return true;
}

Fault RecordKey::ReadHeader(const uint8_t header[headerLength], size_t* bodyLength) const {
  // Once keys are in use nothing comes in the clear: no alert, and no change_cipher_spec (RFC 8446 §5, at "after the
  // handshake has completed").
  if (tls13_ && header[0] != applicationData) return Fault::wrongOuterType;
  // RFC 8446 §5.1 would have it ignored; OpenSSL and the kernel refuse it, and no record layer should be laxer.
  if (memcmp(header + 1, wireVersion, sizeof wireVersion) != 0) return Fault::wrongVersion;
  *bodyLength = static_cast<size_t>(header[3] << 8 | header[4]);
  return *bodyLength > (tls13_ ? maxBodyLength13 : maxBodyLength12) ? Fault::ciphertextTooLong : Fault::none;
}

size_t RecordKey::PlaintextRoom(size_t bodyLength) const {
  const size_t added = explicitLength() + tagLength;
  return bodyLength > added ? bodyLength - added : 0;
}

bool RecordKey::Decrypt(const uint8_t header[headerLength], const uint8_t* body, size_t length, uint8_t* out) {
  NonceBuffer buffer(libcrypto_);
  uint8_t* nonce = buffer.bytes;
  Nonce(body, nonce);
  uint8_t additional[13];
  const auto additionalLength = static_cast<int>(AdditionalData(header, length, additional));
  const uint8_t* text = body + explicitLength();
  // The tag is handed over as writable memory, and is the caller's input: hence a copy.
  uint8_t tag[tagLength];
  memcpy(tag, text + length, tagLength);

  int written = 0;
  if (libcrypto_.EVP_DecryptInit_ex(context_, nullptr, nullptr, nullptr, nonce) != 1) return false;
  if (libcrypto_.EVP_DecryptUpdate(context_, nullptr, &written, additional, additionalLength) != 1) return false;
  written = 0;
  if (length > 0) {
    if (libcrypto_.EVP_DecryptUpdate(context_, out, &written, text, static_cast<int>(length)) != 1) return false;
  }
  if (libcrypto_.EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, tagLength, tag) != 1) return false;
  return libcrypto_.EVP_DecryptFinal_ex(context_, out + written, &written) == 1;
}

Fault RecordKey::Open(const uint8_t header[headerLength], const uint8_t* body, size_t bodyLength, uint8_t* out,
                      Opened* opened) {
  if (usedUp_) return Fault::sequenceNumbersUsedUp;
  // Too short for a tag and, in TLS 1.3, a content type: OpenSSL's answer, too.
  if (bodyLength < overhead() - headerLength) return Fault::notAuthentic;
  const size_t length = PlaintextRoom(bodyLength);
  Fault fault = Fault::none;
  if (!Decrypt(header, body, length, out)) {
    fault = Fault::notAuthentic;
  } else if (tls13_) {
    fault = Unwrap(out, length, opened);
  } else {
    if (length > maxFragmentLength) fault = Fault::plaintextTooLong;
    *opened = {header[0], length};
  }
  if (fault != Fault::none) {
    libcrypto_.OPENSSL_cleanse(out, length);
  } else {
    Advance();
  }
  return fault;
}

}  // namespace record
