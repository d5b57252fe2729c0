// KeyExchange: TLS's key exchange for JavaScript. Private keys stay in libcrypto.
#include <cstring>

#include "../binding/arguments.h"
#include "key_exchange.h"
#include "../binding/surface.h"

namespace {

// A group by its name, and what the other side sent.
const exchange::Group* GroupArgument(Arguments& arguments, size_t index) {
  const std::string name = arguments.String(index);
  if (arguments.refused()) return nullptr;
  const exchange::Group* group = exchange::FindGroup(name);
  if (group == nullptr) arguments.Refuse<Napi::RangeError>(index, "the name of a group that libcrypto has");
  return group;
}

// Copied into memory that JavaScript owns. `bytes` are wiped.
Napi::Value TakeBytes(Napi::Env env, std::vector<uint8_t>& bytes) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, bytes.size());
  if (bytes.empty()) return env.Undefined();
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
  // Asked for, as of a worker that is being terminated there may be none.
  napi_get_typedarray_info(env, copy, &type, &length, &data, nullptr, nullptr);
  if (length == bytes.size()) memcpy(data, bytes.data(), length);
  Libcrypto::Find()->OPENSSL_cleanse(bytes.data(), bytes.size());
  return copy;
}

class KeyExchange : public Napi::ObjectWrap<KeyExchange> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "KeyExchange",
        {StaticMethod<&KeyExchange::Supports>("supports"), StaticMethod<&KeyExchange::Respond>("respond"),
         InstanceMethod<&KeyExchange::Share>("share"), InstanceMethod<&KeyExchange::Finish>("finish"),
         InstanceMethod<&KeyExchange::Dispose>("dispose")});
  }

  explicit KeyExchange(const Napi::CallbackInfo& info) : Napi::ObjectWrap<KeyExchange>(info) {
    Arguments arguments(info);
    group_ = GroupArgument(arguments, 0);
    if (arguments.refused()) return;
    const ErrorScope errors(*Libcrypto::Find());
    key_ = exchange::Generate(*group_);
    if (key_ == nullptr)
      Napi::Error::New(info.Env(), "libcrypto failed to make a key").ThrowAsJavaScriptException();
  }

 private:
  static Napi::Value Supports(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const std::string name = arguments.String(0);
    if (arguments.refused()) return {};
    return Napi::Boolean::New(info.Env(), exchange::FindGroup(name) != nullptr);
  }

  static Napi::Value Respond(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const exchange::Group* group = GroupArgument(arguments, 0);
    const Bytes peer = arguments.Whole(1);
    if (arguments.refused()) return {};
    const ErrorScope errors(*Libcrypto::Find());
    exchange::Response response = exchange::Respond(*group, peer.data, peer.length);
    if (response.secret.empty()) return info.Env().Undefined();
    Napi::Array both = Napi::Array::New(info.Env(), 2);
    both.Set(0u, TakeBytes(info.Env(), response.share));
    both.Set(1u, TakeBytes(info.Env(), response.secret));
    return both;
  }

  Napi::Value Share(const Napi::CallbackInfo& info) {
    if (!Ready(info)) return {};
    const ErrorScope errors(*Libcrypto::Find());
    std::vector<uint8_t> share = exchange::ShareOf(key_.get());
    return TakeBytes(info.Env(), share);
  }

  Napi::Value Finish(const Napi::CallbackInfo& info) {
    Arguments arguments(info);
    const Bytes peer = arguments.Whole(0);
    if (arguments.refused() || !Ready(info)) return {};
    const ErrorScope errors(*Libcrypto::Find());
    std::vector<uint8_t> secret = exchange::Finish(*group_, key_.get(), peer.data, peer.length);
    key_.reset();
    return TakeBytes(info.Env(), secret);
  }

  Napi::Value Dispose(const Napi::CallbackInfo& info) {
    key_.reset();
    return info.Env().Undefined();
  }

  bool Ready(const Napi::CallbackInfo& info) const {
    if (key_ != nullptr) return true;
    Napi::Error::New(info.Env(), "The key is gone").ThrowAsJavaScriptException();
    return false;
  }

  const exchange::Group* group_ = nullptr;
  exchange::Key key_;
};

}  // namespace

void DefineKeyExchange(Napi::Env env, Napi::Object cryptography) {
  cryptography.Set("KeyExchange", KeyExchange::Define(env));
}
