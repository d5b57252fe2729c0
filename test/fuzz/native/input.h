// What libFuzzer gives, taken from its front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../../../native/cryptography/open_records.h"

using Octets = std::vector<uint8_t>;

class Input {
 public:
  Input(const uint8_t* data, size_t length) : data_(data), length_(length) {}

  bool empty() const { return length_ == 0; }

  uint8_t Octet() {
    if (length_ == 0) return 0;
    length_--;
    return *data_++;
  }

  size_t Pair() {
    const size_t high = Octet();
    return high << 8 | Octet();
  }

  Octets Take(size_t most) {
    const size_t taken = std::min(most, length_);
    Octets octets(data_, data_ + taken);
    data_ += taken;
    length_ -= taken;
    return octets;
  }

 private:
  const uint8_t* data_;
  size_t length_;
};

// Memory of exactly that length, so that AddressSanitizer sees the first byte too many.
class Room {
 public:
  explicit Room(size_t length) : octets_(new uint8_t[length]), length_(length) {}
  explicit Room(const Octets& octets) : Room(octets.size()) { std::copy(octets.begin(), octets.end(), data()); }
  uint8_t* data() { return octets_.get(); }
  size_t length() const { return length_; }

 private:
  std::unique_ptr<uint8_t[]> octets_;
  size_t length_;
};

inline void Demand(bool condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

// A key that the first byte chooses: cipher, version, and numbers from zero on or the last ones there are.
class Keys {
 public:
  explicit Keys(uint8_t choice)
      : aead_(*record::FindAead(names[choice % 3])), tls13_((choice & 8) == 0), first_(choice & 16 ? UINT64_MAX - 2 : 0) {}

  std::unique_ptr<record::RecordKey> Make(bool seal) const {
    static const Octets key(32, 7);
    static const Octets iv(record::ivLength, 9);
    auto made = std::make_unique<record::RecordKey>(*Libcrypto::Find(), aead_, tls13_, seal, iv.data(), first_);
    Demand(made->Install(key.data()), "libcrypto does not provide this AEAD");
    return made;
  }

 private:
  static constexpr const char* names[] = {"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"};
  const record::Aead& aead_;
  const bool tls13_;
  const uint64_t first_;
};

// What a stream of records comes to.
struct Outcome {
  Octets data;
  // Of each record that is no application data: how much data came before, its type, its bytes.
  std::string control;
  record::Fault fault = record::Fault::none;
  // Bytes that no record is made of yet.
  size_t left = 0;

  bool operator==(const Outcome& other) const {
    return data == other.data && control == other.control && fault == other.fault && left == other.left;
  }
};

// Opens a stream that comes in pieces of `cut` bytes into places of `room` bytes, as a caller does: what is left of a
// piece stands in front of the next one, and without room for a record a place for the longest is made.
inline Outcome Read(const Keys& keys, const Octets& stream, size_t cut, size_t room) {
  const auto key = keys.Make(false);
  record::RecordReader reader(*key);
  Outcome outcome;
  Octets waiting;
  for (size_t at = 0; at < stream.size() && outcome.fault == record::Fault::none; at += cut) {
    waiting.insert(waiting.end(), stream.begin() + at, stream.begin() + std::min(at + cut, stream.size()));
    for (bool more = true; more;) {
      Room input(waiting);
      Room out(room);
      auto opened = reader.Open(input.data(), input.length(), out.data(), out.length());
      Room larger(record::maxFragmentLength + 2048);
      uint8_t* place = out.data();
      if (opened.stop == record::OpenStop::full && opened.consumed == 0) {
        place = larger.data();
        opened = reader.Open(input.data(), input.length(), place, larger.length());
        Demand(opened.stop != record::OpenStop::full || opened.consumed > 0, "no place is large enough for a record");
      }
      Demand(opened.consumed <= input.length(), "more was consumed than there was");
      Demand(opened.applicationDataLength <= opened.consumed, "more came out than went in");
      outcome.data.insert(outcome.data.end(), place, place + opened.applicationDataLength);
      if (opened.stop == record::OpenStop::control) {
        const uint8_t* from = place + opened.applicationDataLength;
        outcome.control += std::to_string(outcome.data.size()) + ":" + std::to_string(opened.controlType) + ":";
        outcome.control.append(from, from + opened.controlLength);
      }
      if (opened.stop == record::OpenStop::fault) outcome.fault = opened.fault;
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(opened.consumed));
      more = opened.consumed > 0 && opened.stop != record::OpenStop::fault;
    }
  }
  outcome.left = outcome.fault == record::Fault::none ? waiting.size() : 0;
  return outcome;
}
