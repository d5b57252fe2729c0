// One direction's traffic key, and one record at a time under it: RFC 8446 §5.2 (TLS 1.3), RFC 5246 §6.2.3.3 with
// RFC 5288 (AES-GCM) and RFC 7905 (ChaCha20-Poly1305).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "libcrypto.h"

namespace record {

constexpr uint8_t applicationData = 23;
constexpr size_t headerLength = 5;
constexpr size_t tagLength = 16;
constexpr size_t ivLength = 12;
// RFC 8446 §5.1, RFC 5246 §6.2.1.
constexpr size_t maxFragmentLength = 16384;

struct Aead {
  const char* name;
  size_t keyLength;
  // In TLS 1.2: the nonce's last 8 bytes travel with each record (RFC 5288 §3).
  bool explicitNonce;
};

// Null for an algorithm that is not known here.
const Aead* FindAead(std::string_view name);

// Why a record is no good. The numbers are src/platform/addon/addon-cryptography.ts's OpenFault, which has the alert for each.
enum class Fault : int32_t {
  none = 0,
  wrongOuterType = 1,
  wrongVersion = 2,
  ciphertextTooLong = 3,
  notAuthentic = 4,
  plaintextTooLong = 5,
  noContentType = 6,
  emptyControlRecord = 7,
  tooManyEmptyRecords = 8,
  sequenceNumbersUsedUp = 9,
};

struct Opened {
  uint8_t type;
  size_t length;
};

class RecordKey {
 public:
  RecordKey(const Libcrypto& libcrypto, const Aead& aead, bool tls13, bool seal, const uint8_t* iv,
            uint64_t sequenceNumber);
  ~RecordKey() { Wipe(); }
  RecordKey(const RecordKey&) = delete;
  RecordKey& operator=(const RecordKey&) = delete;

  // False where libcrypto has no such algorithm.
  bool Install(const uint8_t* key);
  void Wipe();
  bool installed() const { return context_ != nullptr; }

  // Number of the next record, unless they are used up.
  uint64_t sequenceNumber() const { return sequenceNumber_; }
  // Numbers must not wrap (RFC 8446 §5.3): after 2^64 - 1 there is no next record.
  bool usedUp() const { return usedUp_; }
  bool HasNumbersFor(uint64_t records) const { return !usedUp_ && records - 1 <= UINT64_MAX - sequenceNumber_; }
  // What protection adds to a fragment, header included.
  size_t overhead() const { return headerLength + explicitLength() + tagLength + (tls13_ ? 1 : 0); }

  // `length` ≤ maxFragmentLength bytes into `length + overhead()` at `out`. False only if libcrypto fails.
  bool Seal(uint8_t type, const uint8_t* fragment, size_t length, uint8_t* out);

  // Checks a record's header before its body is there, and takes the body's length out of it.
  Fault ReadHeader(const uint8_t header[headerLength], size_t* bodyLength) const;
  // Room that Open() needs for the plaintext of such a body, padding and content type included.
  size_t PlaintextRoom(size_t bodyLength) const;
  // After a fault nothing of the record is left at `out`, and the key must not be used again.
  Fault Open(const uint8_t header[headerLength], const uint8_t* body, size_t bodyLength, uint8_t* out, Opened* opened);

 private:
  size_t explicitLength() const { return explicitNonce_ ? 8 : 0; }
  void Advance();
  void Nonce(const uint8_t* explicitPart, uint8_t nonce[ivLength]) const;
  size_t AdditionalData(const uint8_t header[headerLength], size_t fragmentLength, uint8_t out[13]) const;
  bool Decrypt(const uint8_t header[headerLength], const uint8_t* body, size_t length, uint8_t* out);

  const Libcrypto& libcrypto_;
  const Aead& aead_;
  const bool tls13_;
  const bool explicitNonce_;
  const bool seal_;
  Libcrypto::Context* context_ = nullptr;
  uint8_t iv_[ivLength];
  uint64_t sequenceNumber_;
  bool usedUp_ = false;
};

}  // namespace record
