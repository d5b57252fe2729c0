#include "open_records.h"

#include <cstring>

namespace record {

namespace {

// As many as OpenSSL takes (MAX_EMPTY_RECORDS): RFC 8446 §5.4 allows empty application data, but a peer that sends
// nothing else only costs time.
constexpr int maxEmptyRecords = 32;

}  // namespace

Fault RecordReader::CountEmpty(const Opened& opened) {
  const bool empty = opened.type == applicationData && opened.length == 0;
  emptyRecords_ = empty ? emptyRecords_ + 1 : 0;
  return emptyRecords_ > maxEmptyRecords ? Fault::tooManyEmptyRecords : Fault::none;
}

OpenedRecords RecordReader::Open(const uint8_t* input, size_t length, uint8_t* out, size_t room) {
  OpenedRecords result = {};
  bool more = true;
  while (more && fault_ == Fault::none) {
    const size_t before = result.consumed;
    fault_ = OpenNext(input + before, length - before, out + result.applicationDataLength,
                      room - result.applicationDataLength, &result);
    more = result.consumed > before && result.stop != OpenStop::control;
  }
  if (fault_ != Fault::none) {
    result.stop = OpenStop::fault;
    result.fault = fault_;
  }
  return result;
}

// Consumes one record, or nothing and says why.
Fault RecordReader::OpenNext(const uint8_t* input, size_t length, uint8_t* out, size_t room, OpenedRecords* result) {
  result->stop = OpenStop::partial;
  if (length < headerLength) return Fault::none;
  // A copy, because the input may be shared with another thread: what is checked is what is used.
  uint8_t header[headerLength];
  memcpy(header, input, headerLength);
  size_t bodyLength = 0;
  const Fault headerFault = key_.ReadHeader(header, &bodyLength);
  if (headerFault != Fault::none) return headerFault;
  if (length - headerLength < bodyLength) return Fault::none;
  if (room < key_.PlaintextRoom(bodyLength)) {
    result->stop = OpenStop::full;
    return Fault::none;
  }
  Opened opened = {};
  const Fault fault = key_.Open(header, input + headerLength, bodyLength, out, &opened);
  if (fault != Fault::none) return fault;
  const Fault flood = CountEmpty(opened);
  if (flood != Fault::none) return flood;
  result->consumed += headerLength + bodyLength;
  if (opened.type == applicationData) {
    result->applicationDataRecords++;
    result->applicationDataLength += opened.length;
    return Fault::none;
  }
  result->stop = OpenStop::control;
  result->controlType = opened.type;
  result->controlLength = opened.length;
  return Fault::none;
}

}  // namespace record
