// Nobody but the seal itself makes a cursor that it opens, and it opens its own alone.
#include "broker/frontdoor/list_cursor.h"
#include "tests/fuzz/fuzzing.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace purser;
  static const CursorSeal seal;
  const std::string text = fuzzing::TextOf(data, size);
  fuzzing::Must(!seal.Open(text, "a"), "what the seal did not make is no cursor");
  fuzzing::Must(!seal.Open(text, text), "a binding makes no cursor either");
  const ListCursor cursor{"0123456789abcdef", static_cast<int64_t>(size)};
  std::string own = seal.Seal(cursor, text);
  const auto opened = seal.Open(own, text);
  fuzzing::Must(opened && opened->series == cursor.series && opened->place == cursor.place,
                "a cursor says what was sealed");
  fuzzing::Must(!seal.Open(own, text + "x"), "a cursor is bound");
  if (size > 0) own[data[0] % own.size()] ^= 1;
  fuzzing::Must(size == 0 || !seal.Open(own, text), "a changed cursor is none");
  return 0;
}
