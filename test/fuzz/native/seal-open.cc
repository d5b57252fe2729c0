// Records sealed here, some of them damaged, are opened again: what comes out in front of the first damage is what
// went in, and behind it nothing does.
#include "input.h"

namespace {

constexpr size_t mostOctets = 50000;

// RFC 8446 §5.1: these must not be empty.
bool IsFaulty(uint8_t type, size_t length, bool tls13) { return tls13 && length == 0 && (type == 21 || type == 22); }

// What the reader has to find. Type 0 in TLS 1.3 is padding: the type is then the fragment's last byte that is not zero.
void Expect(uint8_t type, Octets fragment, bool tls13, Outcome* expected) {
  while (tls13 && type == 0 && !fragment.empty()) {
    type = fragment.back();
    fragment.pop_back();
  }
  if (tls13 && type == 0) {
    expected->fault = record::Fault::noContentType;
    return;
  }
  if (IsFaulty(type, fragment.size(), tls13)) {
    expected->fault = record::Fault::emptyControlRecord;
    return;
  }
  if (type == record::applicationData) {
    expected->data.insert(expected->data.end(), fragment.begin(), fragment.end());
    return;
  }
  expected->control += std::to_string(expected->data.size()) + ":" + std::to_string(type) + ":";
  expected->control.append(fragment.begin(), fragment.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t length) {
  Input input(data, length);
  const uint8_t choice = input.Octet();
  const bool tls13 = (choice & 8) == 0;
  const Keys keys(choice);
  const size_t wished = 1 + input.Pair();
  const size_t room = input.Pair();
  const auto sealer = keys.Make(true);
  Outcome expected;
  Octets stream;
  bool damaged = false;
  size_t emptyOnes = 0;
  while (!input.empty() && stream.size() < mostOctets && sealer->HasNumbersFor(1)) {
    const uint8_t type = input.Octet();
    const size_t size = input.Pair() % (record::maxFragmentLength + 1);
    const uint8_t damage = input.Octet();
    Octets content = input.Take(std::min<size_t>(size, 64));
    content.resize(size, content.empty() ? 0 : content.back());
    Room fragment(content);
    Room out(size + sealer->overhead());
    Demand(sealer->Seal(type, fragment.data(), size, out.data()), "libcrypto failed to seal a record");
    const size_t at = damage == 0 ? 0 : input.Pair() % out.length();
    out.data()[at] ^= damage;
    stream.insert(stream.end(), out.data(), out.data() + out.length());
    damaged = damaged || damage != 0;
    if (!damaged && expected.fault == record::Fault::none) Expect(type, content, tls13, &expected);
    emptyOnes += size <= 1 || content.back() == 0 ? 1 : 0;
  }
  const Outcome whole = Read(keys, stream, std::max<size_t>(1, stream.size()), 1 << 17);
  // Pieces of one byte take too long where there are many of them.
  const size_t cut = std::max(wished, stream.size() / 200);
  const Outcome pieces = Read(keys, stream, cut, room);
  Demand(whole == pieces, "cut in pieces, something else came out");
  // More empty records in a row than are taken end the stream too: then it is as if there had been damage.
  if (damaged || emptyOnes > 32) {
    const size_t common = std::min(expected.data.size(), whole.data.size());
    Demand(std::equal(whole.data.begin(), whole.data.begin() + static_cast<std::ptrdiff_t>(common), expected.data.begin()),
           "other data came out than went in");
    // Damage to a header's length may leave the rest waiting, but gives nobody anything.
    Demand(whole.data.size() <= expected.data.size(), "data came out from behind the damage");
    return 0;
  }
  Demand(whole == expected, "something else came out than went in");
  return 0;
}
