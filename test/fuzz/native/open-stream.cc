// Any bytes as a stream of records. However it is cut, and whatever room there is, the same comes out.
#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t length) {
  Input input(data, length);
  const Keys keys(input.Octet());
  const size_t cut = 1 + input.Octet();
  const size_t room = input.Pair();
  const Octets stream = input.Take(length);
  const Outcome whole = Read(keys, stream, std::max<size_t>(1, stream.size()), 1 << 16);
  const Outcome pieces = Read(keys, stream, cut, room);
  Demand(whole == pieces, "cut in pieces, something else came out");
  return 0;
}
