// Several numbers out of one call without an allocation: a small Int32Array that JavaScript holds as `state`.
#pragma once

#include <initializer_list>

#include "node_addon.h"

class ResultFields {
 public:
  void Create(Napi::Env env, Napi::Object owner, size_t count) {
    Napi::Int32Array fields = Napi::Int32Array::New(env, count);
    owner.DefineProperty(Napi::PropertyDescriptor::Value("state", fields, napi_enumerable));
    fields_ = Napi::Persistent(fields);
  }

  // The array's memory is asked for anew each time: JavaScript can transfer it away (structuredClone), and an old
  // pointer would then be somebody else's memory. Writing to an array that is gone is a no-op, as it is in JavaScript.
  void Write(std::initializer_list<int32_t> values) const {
    napi_typedarray_type type = napi_int32_array;
    size_t length = 0;
    void* data = nullptr;
    napi_get_typedarray_info(fields_.Env(), fields_.Value(), &type, &length, &data, nullptr, nullptr);
    if (length < values.size()) return;
    auto* field = static_cast<int32_t*>(data);
    for (const int32_t value : values) *field++ = value;
  }

 private:
  Napi::Reference<Napi::Int32Array> fields_;
};
