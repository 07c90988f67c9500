// SPDX-License-Identifier: MIT
// usage: hef_seeds FOLDER [FILE.hef …]: what hef_fuzz starts from. Of real files the weights are
// left out, so that mutations meet what is read.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "quant/hef/hef_header.h"
#include "quant/hef/synthesized_hefs.h"

namespace {

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fputs("usage: hef_seeds FOLDER [FILE.hef ...]\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  for (const auto& [name, bytes] : quant::testing::synthesized_hefs()) write(folder / name, bytes);
  for (int i = 2; i < count; ++i) {
    const std::filesystem::path source = arguments[i];
    std::ifstream stream(source, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(stream), {}};
    const std::span whole(reinterpret_cast<const std::byte*>(file.data()), file.size());
    const auto header = quant::parse_hef_header(
        whole.first(std::min(whole.size(), quant::kLongestHefHeader)), whole.size());
    if (!header) {
      std::fprintf(stderr, "%s: %s\n", source.c_str(), header.error().text().c_str());
      return 1;
    }
    auto seed = quant::testing::header_bytes(
        {.version = header->version, .message_bytes = header->message_bytes});
    quant::testing::append(seed, file.substr(header->header_bytes, header->message_bytes));
    write(folder / source.filename(), seed);
  }
  return 0;
}
