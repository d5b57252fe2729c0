#include "socket_poll.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "../binding/arguments.h"
#include "../binding/getter.h"
#include "receive.h"

// Lengths are reported as int32.
constexpr size_t maxReceived = INT32_MAX;

constexpr napi_type_tag typeTag = {0x6b746c7320536f63, 0x6b6574506f6c6c31};

int DuplicateDescriptor(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

// What libuv has a pointer to. It stays until uv_close() is done, which may be after its JavaScript object is gone.
struct SocketPoll::Watch {
  uv_poll_t poll;
  int fd;
  napi_env env;
  napi_async_context asyncContext;
  napi_async_cleanup_hook_handle cleanupHook;
  // Null once the object is closed or collected.
  SocketPoll* owner;

  static Watch* From(void* poll) { return static_cast<Watch*>(static_cast<uv_handle_t*>(poll)->data); }
  uv_handle_t* Handle() { return reinterpret_cast<uv_handle_t*>(&poll); }

  // 0 or a negative errno. Takes `duplicate` over only with 0.
  static int Open(const Napi::CallbackInfo& info, int duplicate, SocketPoll* owner);
  void Close();
  static void OnReady(uv_poll_t* poll, int status, int events);
  static void OnClosed(uv_handle_t* handle);
  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* watch);
};

int SocketPoll::Watch::Open(const Napi::CallbackInfo& info, int duplicate, SocketPoll* owner) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(info.Env(), &loop) != napi_ok) return -ENOTSUP;
  auto* watch = new Watch();
  watch->fd = duplicate;
  watch->env = info.Env();
  watch->owner = owner;
  if (const int error = uv_poll_init(loop, &watch->poll, duplicate)) {
    delete watch;
    return error;
  }
  watch->poll.data = watch;
  // With this object as the resource it would never be collected: Node 26 holds on to resources.
  napi_async_init(info.Env(), nullptr, Napi::String::New(info.Env(), "ktls.SocketPoll"), &watch->asyncContext);
  // An open handle on the loop of a worker that ends aborts the process, so the end of the environment must close it,
  // and wait until it is closed: hence the asynchronous kind of hook.
  napi_add_async_cleanup_hook(info.Env(), OnEnvironmentEnd, watch, &watch->cleanupHook);
  owner->watch_ = watch;
  return 0;
}

void SocketPoll::Watch::Close() {
  if (owner != nullptr) owner->watch_ = nullptr;
  owner = nullptr;
  if (!uv_is_closing(Handle())) uv_close(Handle(), OnClosed);
}

void SocketPoll::Watch::OnClosed(uv_handle_t* handle) {
  Watch* watch = From(handle);
  // Not before: the number could be another socket's by now, and libuv would take it out of epoll.
  close(watch->fd);
  Napi::HandleScope scope(watch->env);
  napi_async_destroy(watch->env, watch->asyncContext);
  // Lets the environment go on ending, if it is; so last.
  napi_remove_async_cleanup_hook(watch->cleanupHook);
  delete watch;
}

void SocketPoll::Watch::OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* watch) {
  static_cast<Watch*>(watch)->Close();
}

void SocketPoll::Watch::OnReady(uv_poll_t* poll, int status, int events) {
  From(poll)->owner->OnReady(status, events);
}

SocketPoll::SocketPoll(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SocketPoll>(info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor(0);
  const Napi::Function callback = arguments.Function(1);
  if (arguments.refused()) return;
  Napi::Object self = info.This().As<Napi::Object>();
  self.TypeTag(&typeTag);
  self.DefineProperty(Napi::PropertyDescriptor::Value("callback", callback, napi_default));
  callback_ = Napi::Weak(callback);
  state_.Create(info.Env(), self, 4);

  const int duplicate = DuplicateDescriptor(fd);
  const int error = duplicate < 0 ? -errno : Watch::Open(info, duplicate, this);
  if (error == 0) return;
  if (duplicate >= 0) close(duplicate);
  Napi::Error failure = Napi::Error::New(info.Env(), std::string("Cannot watch the descriptor: ") + uv_strerror(error));
  failure.Set("code", Napi::String::New(info.Env(), uv_err_name(error)));
  failure.Set("errno", Napi::Number::New(info.Env(), error));
  failure.ThrowAsJavaScriptException();
}

SocketPoll::~SocketPoll() {
  if (watch_ != nullptr) watch_->Close();
}

void SocketPoll::OnReady(int status, int events) {
  const Napi::Env env = Env();
  Napi::HandleScope scope(env);
  Napi::Object self = Value();
  told_ = (events & UV_READABLE) != 0;
  // On an error libuv has stopped the handle before it calls.
  if (status < 0) Hold(false);
  napi_value arguments[] = {Napi::Number::New(env, status), Napi::Number::New(env, events)};
  // With an async context: microtasks and process.nextTick() run when the callback returns.
  const napi_status called =
      napi_make_callback(env, watch_->asyncContext, self, callback_.Value(), 2, arguments, nullptr);
  // Anything may have happened in there: closed, stopped, the environment about to end. Touch nothing from here on.
  if (called == napi_ok) return;
  // Not every failure is an exception: a worker that is being terminated refuses to run JavaScript at all.
  bool thrown = false;
  napi_is_exception_pending(env, &thrown);
  if (!thrown) return;
  napi_value exception = nullptr;
  napi_get_and_clear_last_exception(env, &exception);
  napi_fatal_exception(env, exception);
}

// Node-API's reference count of this object: held, it is not collected.
void SocketPoll::Hold(bool held) {
  if (held == held_) return;
  held_ = held;
  held ? Ref() : Unref();
}

Napi::Value SocketPoll::Start(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int allEvents = UV_READABLE | UV_WRITABLE | UV_DISCONNECT | UV_PRIORITIZED;
  const auto events = static_cast<int>(arguments.Integer(0, 1, allEvents));
  if (arguments.refused()) return {};
  if (watch_ == nullptr) return Napi::Number::New(info.Env(), -EBADF);
  const int error = uv_poll_start(&watch_->poll, events, Watch::OnReady);
  if (error == 0) Hold(true);
  return Napi::Number::New(info.Env(), error);
}

Napi::Value SocketPoll::Stop(const Napi::CallbackInfo& info) {
  if (watch_ == nullptr) return Napi::Number::New(info.Env(), -EBADF);
  Hold(false);
  return Napi::Number::New(info.Env(), uv_poll_stop(&watch_->poll));
}

Napi::Value SocketPoll::KeepLoopAlive(const Napi::CallbackInfo& info) {
  if (watch_ != nullptr) uv_ref(watch_->Handle());
  return info.Env().Undefined();
}

Napi::Value SocketPoll::LetLoopEnd(const Napi::CallbackInfo& info) {
  if (watch_ != nullptr) uv_unref(watch_->Handle());
  return info.Env().Undefined();
}

Napi::Value SocketPoll::Close(const Napi::CallbackInfo& info) {
  Hold(false);
  if (watch_ != nullptr) watch_->Close();
  return info.Env().Undefined();
}

Napi::Value SocketPoll::TakeError(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), watch_ == nullptr ? -EBADF : ::TakeError(watch_->fd));
}

Napi::Value SocketPoll::Receive(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes out = arguments.Part(0, 1, 2);
  const auto flags = info[3].IsUndefined() ? 0 : static_cast<int>(arguments.Integer(3, 0, INT32_MAX));
  if (arguments.refused()) return {};
  const Received received =
      watch_ == nullptr ? Received{-EBADF, noRecordType} : ::Receive(watch_->fd, out.data, out.length, flags);
  recordType_ = received.type;
  return Napi::Number::New(info.Env(), static_cast<double>(received.length));
}

Napi::Value SocketPoll::ReceiveMany(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes out = arguments.Part(0, 1, 2);
  if (!arguments.refused() && out.length < maxFragmentLength) {
    arguments.Refuse<Napi::RangeError>(2, "at least 16384, room for one record");
  }
  if (arguments.refused()) return {};
  const ReceivedMany received = watch_ == nullptr
                                    ? ReceivedMany{ReceiveStop::failed, 0, noRecordType, 0, -EBADF}
                                    : ::ReceiveMany(watch_->fd, out.data, std::min(out.length, maxReceived));
  AwaitMore(received);
  state_.Write({static_cast<int32_t>(received.applicationDataLength), received.controlType,
                static_cast<int32_t>(received.controlLength), received.error});
  return Napi::Number::New(info.Env(), static_cast<int32_t>(received.stop));
}

// Linux 6.1 tells a socket with half a record to be readable, again and again, which takes a whole processor until the rest has arrived (a poll of
// TLS's own, which does not, came later). What is there already is then too little to be told of.
void SocketPoll::AwaitMore(const ReceivedMany& received) {
  const bool isNothing = received.stop == ReceiveStop::blocked && received.applicationDataLength == 0;
  if (watch_ != nullptr && isNothing && told_) awaitsMore_ = ::AwaitMore(watch_->fd);
  else if (watch_ != nullptr && !isNothing && awaitsMore_) awaitsMore_ = !::AwaitAny(watch_->fd);
  told_ = false;
}

Napi::Value SocketPoll::Descriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), watch_ == nullptr ? -1 : watch_->fd);
}

Napi::Value SocketPoll::RecordType(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), recordType_);
}

Napi::Function SocketPoll::Define(Napi::Env env) {
  return DefineClass(env, "SocketPoll",
                     {InstanceMethod<&SocketPoll::Start>("start"), InstanceMethod<&SocketPoll::Stop>("stop"),
                      InstanceMethod<&SocketPoll::KeepLoopAlive>("ref"),
                      InstanceMethod<&SocketPoll::LetLoopEnd>("unref"), InstanceMethod<&SocketPoll::Close>("close"),
                      InstanceMethod<&SocketPoll::Receive>("receive"),
                      InstanceMethod<&SocketPoll::TakeError>("takeError"),
                      InstanceMethod<&SocketPoll::ReceiveMany>("receiveMany"),
                      Getter<SocketPoll, &SocketPoll::RecordType, typeTag>("recordType"),
                      Getter<SocketPoll, &SocketPoll::Descriptor, typeTag>("descriptor")});
}
