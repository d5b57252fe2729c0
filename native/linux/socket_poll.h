// Readiness of a socket that libuv may already watch, and receiving from it.
#pragma once

#include <uv.h>

#include "../binding/node_addon.h"
#include "receive.h"
#include "../binding/result_fields.h"

// The lowest free descriptor above the standard three, closed on exec; -1 and errno if there is none.
int DuplicateDescriptor(int fd);

// Has a duplicate of the descriptor for itself, because libuv allows one watcher for each descriptor (EEXIST).
//
// Lifetime. Started, it keeps itself and the event loop alive, as an open net.Socket does: what it watches can still
// call back. Stopped, it lives as long as JavaScript can reach it; collected, it closes itself. Either way, and when
// the environment ends under it (process exit, worker.terminate()), the duplicate is closed after libuv has let go.
class SocketPoll : public Napi::ObjectWrap<SocketPoll> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit SocketPoll(const Napi::CallbackInfo& info);
  ~SocketPoll() override;

 private:
  struct Watch;

  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Stop(const Napi::CallbackInfo& info);
  Napi::Value KeepLoopAlive(const Napi::CallbackInfo& info);
  Napi::Value LetLoopEnd(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value ReceiveMany(const Napi::CallbackInfo& info);
  Napi::Value TakeError(const Napi::CallbackInfo& info);
  Napi::Value RecordType(const Napi::CallbackInfo& info);
  Napi::Value Descriptor(const Napi::CallbackInfo& info);

  void OnReady(int status, int events);
  void Hold(bool held);
  void AwaitMore(const ReceivedMany& received);

  // Null once it is closed.
  Watch* watch_ = nullptr;
  // Weak. The object itself has it as a property: a strong reference from here would keep alive every callback that
  // refers to this object, which they all do, and with it the object.
  Napi::FunctionReference callback_;
  ResultFields state_;
  int recordType_ = 0;
  bool held_ = false;
  // The descriptor was told to be readable, and nothing has been received since.
  bool told_ = false;
  // More than one byte has to arrive before it is told again.
  bool awaitsMore_ = false;
};
