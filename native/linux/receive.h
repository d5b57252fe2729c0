// Receiving from a socket on which the kernel may open TLS records (Documentation/networking/tls.rst).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

// Record types (RFC 8446 §5.1) that matter here.
constexpr int noRecordType = 0;
constexpr int applicationData = 23;

// The most that one record holds (RFC 8446 §5.1): with this much room no control record arrives in parts.
constexpr size_t maxFragmentLength = 16384;

struct Received {
  // Bytes, or a negative errno.
  ssize_t length;
  // The record's type; noRecordType at the end of the stream and where no TLS_RX is installed.
  int type;
};

// getsockopt(SO_ERROR): the error that is pending on the socket, negative, which is then pending no more; 0 if there is none.
int TakeError(int fd);

// Has poll tell of the socket only when more has arrived than what is there now (SO_RCVLOWAT, socket(7)); false if nothing is there, or it cannot be.
bool AwaitMore(int fd);

// Takes AwaitMore() back; false if it cannot be.
bool AwaitAny(int fd);

// One recvmsg() that never waits. `flags` are recv(2)'s.
Received Receive(int fd, uint8_t* out, size_t room, int flags);

// Why ReceiveMany() came to a stop. The numbers are src/platform/kernel/kernel-calls.ts's ReceiveStop.
enum class ReceiveStop : int32_t {
  blocked = 0,  // nothing more to be had now; the descriptor becomes readable
  full = 1,     // no room for one more record, or a long turn: call again, readiness may never be reported
  control = 2,  // a record that is not application data; call again once it is dealt with
  end = 3,      // end of the stream
  failed = 4,   // `error` says why
};

struct ReceivedMany {
  ReceiveStop stop;
  size_t applicationDataLength;
  // Only with ReceiveStop::control: that record, whole, behind the application data.
  int controlType;
  size_t controlLength;
  // Only with ReceiveStop::failed: a negative errno.
  int error;
};

// Application data for as long as there is any and room for another record, then what stopped it. `room` must be at
// least maxFragmentLength.
ReceivedMany ReceiveMany(int fd, uint8_t* out, size_t room);
