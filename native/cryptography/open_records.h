// Many records in one call: what came from the peer in one piece is opened in one piece.
#pragma once

#include "record_key.h"

namespace record {

// Why OpenRecords() came to a stop. The numbers are src/platform/addon/addon-cryptography.ts's OpenStop.
enum class OpenStop : int32_t {
  partial = 0,  // the input is used up but for the start of a record, or for nothing
  full = 1,     // no room for the next record
  control = 2,  // a record that is not application data
  fault = 3,    // a record that is no good
};

struct OpenedRecords {
  OpenStop stop;
  size_t consumed;
  // Records of application data, and their length: they may all be empty.
  size_t applicationDataRecords;
  size_t applicationDataLength;
  // Only with OpenStop::control: that record, behind the application data.
  uint8_t controlType;
  size_t controlLength;
  // Only with OpenStop::fault.
  Fault fault;
};

// Opens one direction's records until the first bad one, which stays the answer to every later call.
class RecordReader {
 public:
  explicit RecordReader(RecordKey& key) : key_(key) {}

  // Whole records of `input` into `out`, application data one behind the other. The two must not overlap.
  OpenedRecords Open(const uint8_t* input, size_t length, uint8_t* out, size_t room);

 private:
  Fault OpenNext(const uint8_t* input, size_t length, uint8_t* out, size_t room, OpenedRecords* result);
  Fault CountEmpty(const Opened& opened);

  RecordKey& key_;
  Fault fault_ = Fault::none;
  int emptyRecords_ = 0;
};

}  // namespace record
