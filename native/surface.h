// What the addon consists of. src/platform/addon.ts has the types and says what each thing does.
#pragma once

#include "node_addon.h"

// System calls on a TLS socket, and SocketPoll. Where there is no kernel TLS: the same names, answering ENOTSUP.
void DefineKernelTls(Napi::Env env, Napi::Object exports);

// RecordCipher; nothing where the process has no libcrypto to call.
void DefineRecordCipher(Napi::Env env, Napi::Object exports);

// applyCounterMode; nothing where the process has no libcrypto to call.
void DefineCounterMode(Napi::Env env, Napi::Object exports);

// KeyExchange; nothing where the process has no libcrypto to call.
void DefineKeyExchange(Napi::Env env, Napi::Object exports);
