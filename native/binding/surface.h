// What the addon consists of. src/platform/addon/{addon,addon-cryptography}.ts and src/platform/kernel/kernel-calls.ts have the types and say what each
// thing does.
#pragma once

#include "node_addon.h"

// Of `kernel`, which only the addon for Linux has: system calls on a TLS socket and a file, and SocketPoll.
void DefineKernelTls(Napi::Env env, Napi::Object kernel);
void DefineCachedFile(Napi::Env env, Napi::Object kernel);

// Of `cryptography`.
void DefineRecordCipher(Napi::Env env, Napi::Object cryptography);
void DefineCounterMode(Napi::Env env, Napi::Object cryptography);
void DefineKeyExchange(Napi::Env env, Napi::Object cryptography);
