// Properties of a class. V8 checks that `this` of a method is an object of its class, but not that of an accessor, and node-addon-api takes it for one: a
// getter of one class would be called for an object of another.
#pragma once

#include "node_addon.h"

// `tag` is what the class's constructor puts on its objects.
template <typename Class, Napi::Value (Class::*get)(const Napi::CallbackInfo&), const napi_type_tag& tag>
napi_value CallGetter(napi_env env, napi_callback_info callback) {
  const Napi::CallbackInfo info(env, callback);
  if (!info.This().IsObject() || !info.This().As<Napi::Object>().CheckTypeTag(&tag)) {
    Napi::TypeError::New(env, "Illegal invocation").ThrowAsJavaScriptException();
    return nullptr;
  }
  Class* self = Class::Unwrap(info.This().As<Napi::Object>());
  return self == nullptr ? nullptr : static_cast<napi_value>((self->*get)(info));
}

template <typename Class, Napi::Value (Class::*get)(const Napi::CallbackInfo&), const napi_type_tag& tag>
napi_property_descriptor Getter(const char* name) {
  return {name, nullptr, nullptr, CallGetter<Class, get, tag>, nullptr, nullptr, napi_default, nullptr};
}
