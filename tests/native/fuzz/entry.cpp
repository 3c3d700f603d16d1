// What libFuzzer and driver.cpp call.
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  raz::fuzz::Bytes bytes(data, size);
  raz::fuzz::try_one(bytes);
  return 0;
}
