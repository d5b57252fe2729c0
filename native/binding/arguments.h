// Strict reading of what JavaScript passed. Node-API turns NaN into 0 and truncates 1.5 to 1, and 0 is a file
// descriptor; so everything that is not exactly what a function takes is refused with an exception here.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "node_addon.h"

// Number.MAX_SAFE_INTEGER: lengths and file offsets arrive as doubles.
constexpr double maxSafeInteger = 9007199254740991.0;

// A view of JavaScript's memory, good until the next call into JavaScript.
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

// Reads arguments one after the other. After the first bad one an exception is pending, refused() is true and
// every value read is zero, so a function reads all that it needs and asks once.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  bool refused() const { return refused_; }

  double Integer(size_t index, double least, double most) {
    double value = 0;
    if (napi_get_value_double(info_.Env(), info_[index], &value) != napi_ok) {
      return Refuse<Napi::TypeError>(index, "a number");
    }
    if (!(value >= least && value <= most) || value != std::floor(value)) {
      return Refuse<Napi::RangeError>(index, "an integer in range");
    }
    return refused_ ? 0 : value;
  }

  int Descriptor(size_t index) { return static_cast<int>(Integer(index, 0, INT32_MAX)); }

  size_t Size(size_t index) { return static_cast<size_t>(Integer(index, 0, maxSafeInteger)); }

  bool Boolean(size_t index) {
    bool value = false;
    if (napi_get_value_bool(info_.Env(), info_[index], &value) != napi_ok) {
      return Refuse<Napi::TypeError>(index, "a boolean");
    }
    return value;
  }

  uint64_t Unsigned64(size_t index) {
    uint64_t value = 0;
    bool lossless = false;
    if (napi_get_value_bigint_uint64(info_.Env(), info_[index], &value, &lossless) != napi_ok) {
      return static_cast<uint64_t>(Refuse<Napi::TypeError>(index, "a bigint"));
    }
    if (!lossless) return static_cast<uint64_t>(Refuse<Napi::RangeError>(index, "a bigint of 64 bits, not negative"));
    return value;
  }

  std::string String(size_t index) {
    if (!info_[index].IsString()) {
      Refuse<Napi::TypeError>(index, "a string");
      return {};
    }
    return info_[index].As<Napi::String>().Utf8Value();
  }

  Napi::Function Function(size_t index) {
    if (!info_[index].IsFunction()) {
      Refuse<Napi::TypeError>(index, "a function");
      return {};
    }
    return info_[index].As<Napi::Function>();
  }

  // A whole Uint8Array (so also a Buffer); empty if its memory was transferred away.
  Bytes Whole(size_t index) {
    Bytes bytes;
    napi_typedarray_type type = napi_float64_array;
    void* data = nullptr;
    // napi_get_buffer_info would do, were it not that it aborts the process on anything but a buffer.
    if (napi_get_typedarray_info(info_.Env(), info_[index], &type, &bytes.length, &data, nullptr, nullptr) != napi_ok ||
        type != napi_uint8_array) {
      Refuse<Napi::TypeError>(index, "a Uint8Array");
      return {};
    }
    bytes.data = static_cast<uint8_t*>(data);
    return refused_ ? Bytes{} : bytes;
  }

  // The Uint8Array at `index` without its first bytes, as many as `offsetIndex` says.
  Bytes From(size_t index, size_t offsetIndex) {
    const Bytes whole = Whole(index);
    const size_t offset = Size(offsetIndex);
    if (!refused_ && offset > whole.length) Refuse<Napi::RangeError>(offsetIndex, "within the Uint8Array");
    return refused_ ? Bytes{} : Bytes{whole.data + offset, whole.length - offset};
  }

  // So many bytes as `lengthIndex` says of what From() gives.
  Bytes Part(size_t index, size_t offsetIndex, size_t lengthIndex) {
    const Bytes rest = From(index, offsetIndex);
    const size_t length = Size(lengthIndex);
    if (!refused_ && length > rest.length) Refuse<Napi::RangeError>(lengthIndex, "within the Uint8Array");
    return refused_ ? Bytes{} : Bytes{rest.data, length};
  }

  template <typename ErrorType>
  int Refuse(size_t index, const char* expected) {
    if (!refused_) {
      const std::string message = "Argument " + std::to_string(index + 1) + " must be " + expected;
      ErrorType::New(info_.Env(), message).ThrowAsJavaScriptException();
    }
    refused_ = true;
    return 0;
  }

 private:
  const Napi::CallbackInfo& info_;
  bool refused_ = false;
};
