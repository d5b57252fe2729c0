// RecordCipher: batches of records for JavaScript, protected by the libcrypto that the process already has.
#include <algorithm>
#include <memory>

#include "../binding/arguments.h"
#include "../binding/getter.h"
#include "open_records.h"
#include "record_key.h"
#include "../binding/result_fields.h"
#include "../binding/surface.h"

namespace {

constexpr double tls12 = 0x0303;
constexpr double tls13 = 0x0304;

constexpr napi_type_tag typeTag = {0x6b746c7320526563, 0x6f72644369706831};

class RecordCipher : public Napi::ObjectWrap<RecordCipher> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit RecordCipher(const Napi::CallbackInfo& info);

 private:
  static Napi::Value Supports(const Napi::CallbackInfo& info);

  Napi::Value Seal(const Napi::CallbackInfo& info);
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value SequenceNumber(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);

  bool Ready(const Napi::CallbackInfo& info, bool seal) const;

  bool seal_ = false;
  std::unique_ptr<record::RecordKey> key_;
  std::unique_ptr<record::RecordReader> reader_;
  ResultFields state_;
};

RecordCipher::RecordCipher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RecordCipher>(info) {
  Arguments arguments(info);
  const record::Aead* aead = record::FindAead(arguments.String(0));
  if (aead == nullptr) arguments.Refuse<Napi::RangeError>(0, "the name of a known AEAD");
  const Bytes key = arguments.Whole(1);
  const Bytes iv = arguments.Whole(2);
  const uint64_t sequenceNumber = arguments.Unsigned64(3);
  const double version = arguments.Integer(4, tls12, tls13);
  seal_ = arguments.Boolean(5);
  if (arguments.refused()) return;
  if (key.length != aead->keyLength) arguments.Refuse<Napi::RangeError>(1, "as long as the AEAD's key");
  if (iv.length != record::ivLength) arguments.Refuse<Napi::RangeError>(2, "12 bytes");
  if (arguments.refused()) return;
  info.This().As<Napi::Object>().TypeTag(&typeTag);

  const Libcrypto& libcrypto = *Libcrypto::Find();
  const ErrorScope errors(libcrypto);
  key_ = std::make_unique<record::RecordKey>(libcrypto, *aead, version == tls13, seal_, iv.data, sequenceNumber);
  if (!key_->Install(key.data)) {
    Napi::Error::New(info.Env(), "libcrypto does not provide this AEAD").ThrowAsJavaScriptException();
    return;
  }
  if (seal_) return;
  reader_ = std::make_unique<record::RecordReader>(*key_);
  state_.Create(info.Env(), info.This().As<Napi::Object>(), 6);
}

bool RecordCipher::Ready(const Napi::CallbackInfo& info, bool seal) const {
  if (key_ != nullptr && key_->installed() && seal_ == seal) return true;
  const char* reason = seal_ == seal ? "The key is gone" : "The key is for the other use";
  Napi::Error::New(info.Env(), reason).ThrowAsJavaScriptException();
  return false;
}

Napi::Value RecordCipher::Seal(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  // Type 0 would be padding in TLS 1.3.
  const auto type = static_cast<uint8_t>(arguments.Integer(0, 1, 255));
  const Bytes fragment = arguments.Whole(1);
  const Bytes out = arguments.From(2, 3);
  const size_t longest = info[4].IsUndefined()
                             ? record::maxFragmentLength
                             : static_cast<size_t>(arguments.Integer(4, 1, record::maxFragmentLength));
  if (arguments.refused() || !Ready(info, true)) return {};
  const size_t records = std::max<size_t>(1, fragment.length / longest + (fragment.length % longest != 0));
  const size_t sealedLength = fragment.length + records * key_->overhead();
  if (sealedLength > out.length) arguments.Refuse<Napi::RangeError>(2, "large enough for the records");
  if (arguments.refused()) return {};
  if (!key_->HasNumbersFor(records)) {
    Napi::RangeError::New(info.Env(), "The sequence numbers of this key are used up").ThrowAsJavaScriptException();
    return {};
  }

  const ErrorScope errors(*Libcrypto::Find());
  size_t sealed = 0;
  for (size_t done = 0, i = 0; i < records; i++) {
    const size_t length = std::min(longest, fragment.length - done);
    if (!key_->Seal(type, fragment.data + done, length, out.data + sealed)) {
      // Which nonce was used is not known then, and using one twice would give the key away.
      key_->Wipe();
      Napi::Error::New(info.Env(), "libcrypto failed to seal a record").ThrowAsJavaScriptException();
      return {};
    }
    done += length;
    sealed += length + key_->overhead();
  }
  return Napi::Number::New(info.Env(), static_cast<double>(sealed));
}

Napi::Value RecordCipher::Open(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes input = arguments.Whole(0);
  // Lengths are reported as int32.
  const double most = std::min<double>(static_cast<double>(input.length), INT32_MAX);
  const double end = arguments.Integer(2, 0, most);
  const double start = arguments.Integer(1, 0, end);
  const Bytes out = arguments.From(3, 4);
  if (arguments.refused() || !Ready(info, false)) return {};
  const ErrorScope errors(*Libcrypto::Find());
  const record::OpenedRecords opened = reader_->Open(input.data + static_cast<size_t>(start),
                                                     static_cast<size_t>(end - start), out.data, out.length);
  state_.Write({static_cast<int32_t>(opened.consumed), static_cast<int32_t>(opened.applicationDataLength),
                opened.controlType, static_cast<int32_t>(opened.controlLength), static_cast<int32_t>(opened.fault),
                static_cast<int32_t>(opened.applicationDataRecords)});
  return Napi::Number::New(info.Env(), static_cast<int32_t>(opened.stop));
}

Napi::Value RecordCipher::SequenceNumber(const Napi::CallbackInfo& info) {
  if (key_ == nullptr) return {};
  // 2^64 when there is no next record.
  const uint64_t words[] = {key_->sequenceNumber(), key_->usedUp() ? 1u : 0u};
  return Napi::BigInt::New(info.Env(), 0, key_->usedUp() ? 2 : 1, words);
}

Napi::Value RecordCipher::Dispose(const Napi::CallbackInfo& info) {
  // None where the constructor was refused, whose exception gets lost in a worker that is being terminated.
  if (key_ != nullptr) key_->Wipe();
  return info.Env().Undefined();
}

Napi::Value RecordCipher::Supports(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const record::Aead* aead = record::FindAead(arguments.String(0));
  if (arguments.refused()) return {};
  const Libcrypto& libcrypto = *Libcrypto::Find();
  const ErrorScope errors(libcrypto);
  Libcrypto::Cipher* cipher = aead == nullptr ? nullptr : libcrypto.EVP_CIPHER_fetch(nullptr, aead->name, nullptr);
  libcrypto.EVP_CIPHER_free(cipher);
  return Napi::Boolean::New(info.Env(), cipher != nullptr);
}

Napi::Function RecordCipher::Define(Napi::Env env) {
  return DefineClass(env, "RecordCipher",
                     {StaticMethod<&RecordCipher::Supports>("supports"), InstanceMethod<&RecordCipher::Seal>("seal"),
                      InstanceMethod<&RecordCipher::Open>("open"), InstanceMethod<&RecordCipher::Dispose>("dispose"),
                      Getter<RecordCipher, &RecordCipher::SequenceNumber, typeTag>("sequenceNumber")});
}

}  // namespace

void DefineRecordCipher(Napi::Env env, Napi::Object cryptography) {
  cryptography.Set("RecordCipher", RecordCipher::Define(env));
}
