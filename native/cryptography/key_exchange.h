// One key exchange of TLS by the libcrypto that the process already has. Diffie-Hellman and KEMs alike: who starts makes a
// share and, with the other's share, the secret; who responds makes both from the other's share (RFC 8446 §4.2.8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "libcrypto.h"

namespace exchange {

struct KeyRelease {
  void operator()(LibcryptoKeys::Key* key) const { LibcryptoKeys::Find()->EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<LibcryptoKeys::Key, KeyRelease>;

struct Group {
  const char* name;
  // As EVP_PKEY_CTX_new_from_name(3) has it; a group name besides where the algorithm has several.
  const char* algorithm;
  const char* groupName;
  bool isKem;
};

// Null for one that is not known, or that libcrypto does not have.
const Group* FindGroup(std::string_view name);

// Null and empty results are refusals: a share that is none of the group, or libcrypto's own.
Key Generate(const Group& group);
std::vector<uint8_t> ShareOf(LibcryptoKeys::Key* key);

// The secret; its bytes must be wiped. `key` is this side's.
std::vector<uint8_t> Finish(const Group& group, LibcryptoKeys::Key* key, const uint8_t* share, size_t length);

struct Response {
  std::vector<uint8_t> share;
  std::vector<uint8_t> secret;
};
Response Respond(const Group& group, const uint8_t* share, size_t length);

}  // namespace exchange
