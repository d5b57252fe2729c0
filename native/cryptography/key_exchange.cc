#include "key_exchange.h"

namespace exchange {

namespace {

constexpr Group groups[] = {
    {"X25519", "X25519", nullptr, false},
    {"P-256", "EC", "P-256", false},
    {"P-384", "EC", "P-384", false},
    {"X25519MLKEM768", "X25519MLKEM768", nullptr, true},
    {"SecP256r1MLKEM768", "SecP256r1MLKEM768", nullptr, true},
};

constexpr size_t groupCount = sizeof groups / sizeof *groups;

// A share is an uncompressed point where it is one of these curves' (RFC 8446 §4.2.8.2).
constexpr uint8_t uncompressed = 4;

struct ContextRelease {
  void operator()(LibcryptoKeys::Context* context) const { LibcryptoKeys::Find()->EVP_PKEY_CTX_free(context); }
};
using Context = std::unique_ptr<LibcryptoKeys::Context, ContextRelease>;

Context ContextOf(LibcryptoKeys::Key* key) {
  return Context(LibcryptoKeys::Find()->EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
}

Key MakeParameters(const Group& group) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  const ErrorScope errors(*Libcrypto::Find());
  const Context context(libcrypto.EVP_PKEY_CTX_new_from_name(nullptr, group.algorithm, nullptr));
  LibcryptoKeys::Key* key = nullptr;
  if (context == nullptr || libcrypto.EVP_PKEY_paramgen_init(context.get()) != 1) return nullptr;
  if (group.groupName && libcrypto.EVP_PKEY_CTX_set_group_name(context.get(), group.groupName) != 1) return nullptr;
  return Key(libcrypto.EVP_PKEY_paramgen(context.get(), &key) == 1 ? key : nullptr);
}

// A key without a key for each group, which others are made from: finding an algorithm by name takes as long as using it.
LibcryptoKeys::Key* ParametersOf(const Group& group) {
  struct All {
    Key keys[groupCount];
    All() {
      for (size_t i = 0; i < groupCount; i++) keys[i] = MakeParameters(groups[i]);
    }
  };
  // Never freed: libcrypto may end before static objects do.
  static const All& all = *new All;
  return all.keys[&group - groups].get();
}

Key PeerKey(const Group& group, const uint8_t* share, size_t length) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  if (length == 0 || (group.groupName && share[0] != uncompressed)) return nullptr;
  Key key(libcrypto.EVP_PKEY_new());
  if (key == nullptr || libcrypto.EVP_PKEY_copy_parameters(key.get(), ParametersOf(group)) != 1) return nullptr;
  if (libcrypto.EVP_PKEY_set1_encoded_public_key(key.get(), share, length) != 1) return nullptr;
  return key;
}

std::vector<uint8_t> Derive(LibcryptoKeys::Key* own, LibcryptoKeys::Key* peer) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  const Context context = ContextOf(own);
  size_t length = 0;
  if (context == nullptr || libcrypto.EVP_PKEY_derive_init(context.get()) != 1 ||
      libcrypto.EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
      libcrypto.EVP_PKEY_derive(context.get(), nullptr, &length) != 1)
    return {};
  std::vector<uint8_t> secret(length);
  if (libcrypto.EVP_PKEY_derive(context.get(), secret.data(), &length) != 1) return {};
  secret.resize(length);
  return secret;
}

std::vector<uint8_t> Decapsulate(LibcryptoKeys::Key* own, const uint8_t* wrapped, size_t wrappedLength) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  const Context context = ContextOf(own);
  size_t length = 0;
  if (context == nullptr || libcrypto.EVP_PKEY_decapsulate_init(context.get(), nullptr) != 1 ||
      libcrypto.EVP_PKEY_decapsulate(context.get(), nullptr, &length, wrapped, wrappedLength) != 1)
    return {};
  std::vector<uint8_t> secret(length);
  if (libcrypto.EVP_PKEY_decapsulate(context.get(), secret.data(), &length, wrapped, wrappedLength) != 1) return {};
  return secret;
}

Response Encapsulate(LibcryptoKeys::Key* peer) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  const Context context = ContextOf(peer);
  size_t wrappedLength = 0, length = 0;
  if (context == nullptr || libcrypto.EVP_PKEY_encapsulate_init(context.get(), nullptr) != 1 ||
      libcrypto.EVP_PKEY_encapsulate(context.get(), nullptr, &wrappedLength, nullptr, &length) != 1)
    return {};
  Response response{std::vector<uint8_t>(wrappedLength), std::vector<uint8_t>(length)};
  if (libcrypto.EVP_PKEY_encapsulate(context.get(), response.share.data(), &wrappedLength, response.secret.data(),
                                     &length) != 1)
    return {};
  return response;
}

}  // namespace

const Group* FindGroup(std::string_view name) {
  for (const Group& group : groups) {
    if (name == group.name) return ParametersOf(group) == nullptr ? nullptr : &group;
  }
  return nullptr;
}

Key Generate(const Group& group) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  const Context context = ContextOf(ParametersOf(group));
  LibcryptoKeys::Key* key = nullptr;
  if (context == nullptr || libcrypto.EVP_PKEY_keygen_init(context.get()) != 1 ||
      libcrypto.EVP_PKEY_keygen(context.get(), &key) != 1)
    return nullptr;
  return Key(key);
}

std::vector<uint8_t> ShareOf(LibcryptoKeys::Key* key) {
  const LibcryptoKeys& libcrypto = *LibcryptoKeys::Find();
  uint8_t* bytes = nullptr;
  const size_t length = libcrypto.EVP_PKEY_get1_encoded_public_key(key, &bytes);
  std::vector<uint8_t> share(bytes, bytes + length);
  libcrypto.CRYPTO_free(bytes, __FILE__, __LINE__);
  return share;
}

std::vector<uint8_t> Finish(const Group& group, LibcryptoKeys::Key* key, const uint8_t* share, size_t length) {
  if (group.isKem) return Decapsulate(key, share, length);
  const Key peer = PeerKey(group, share, length);
  return peer == nullptr ? std::vector<uint8_t>() : Derive(key, peer.get());
}

Response Respond(const Group& group, const uint8_t* share, size_t length) {
  const Key peer = PeerKey(group, share, length);
  if (peer == nullptr) return {};
  if (group.isKem) return Encapsulate(peer.get());
  const Key own = Generate(group);
  if (own == nullptr) return {};
  return {ShareOf(own.get()), Derive(own.get(), peer.get())};
}

}  // namespace exchange
