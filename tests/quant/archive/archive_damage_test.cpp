// SPDX-License-Identifier: MIT
// Guards against archives that were damaged on the way or made to do harm: every one is refused
// with a clear error, or reads as the original; none crashes or allocates what the file does not
// hold.
#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>

#include "quant/archive/archive.h"
#include "quant/archive/sample_archive.h"
#include "quant/archive/tar.h"
#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::sample_archive;
using testing::TemporaryFolder;

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const fs::path& path, const std::string& bytes) {
  // Some file systems sync a file that is cut to nothing and written again; a new one costs
  // nothing.
  fs::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string error_of(const fs::path& path) {
  const auto read = read_archive(path);
  return read ? "no error" : read.error().text();
}

std::vector<std::byte> to_bytes(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string to_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string crc_of(const std::string& text) {
  char hex[9];
  std::snprintf(hex, sizeof(hex), "%08lx",
                crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
  return hex;
}

// An archive whose members can be changed before it is packed with good checksums: damage that no
// checksum finds.
class Forger {
 public:
  explicit Forger(const TemporaryFolder& folder) : path_(folder / "forged.qar") {
    EXPECT_TRUE(write_archive(path_, sample_archive()));
    members = *read_tar(path_);
    manifest = json::parse(to_text(members.at("manifest.json")));
    graph = json::parse(to_text(members.at("graph.json")));
  }

  std::string error() {
    members["graph.json"] = to_bytes(graph.dump());
    return error_with_graph_text();
  }

  std::string error_with_graph_text() {
    members.erase("manifest.json");
    manifest["members"] = json::object();
    for (const auto& [name, bytes] : members) {
      manifest["members"][name] = {{"bytes", bytes.size()}, {"crc32", crc_of(to_text(bytes))}};
    }
    manifest.erase("crc32");
    manifest["crc32"] = crc_of(manifest.dump());
    members["manifest.json"] = to_bytes(manifest.dump());
    return error_as_it_is();
  }

  std::string error_as_it_is() {
    std::vector<TarMember> list;
    for (const auto& [name, bytes] : members) list.push_back({name, bytes});
    EXPECT_TRUE(write_tar(path_, list));
    return error_of(path_);
  }

  std::map<std::string, std::vector<std::byte>> members;
  json manifest;
  json graph;

 private:
  fs::path path_;
};

TEST(ArchiveDamage, EveryTruncationIsFound) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_archive(folder / "a.qar", sample_archive()));
  const std::string good = content(folder / "a.qar");
  // From here on only the zeros that end a tar are missing.
  const std::size_t end = good.find_last_not_of('\0') + 1;
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = round < 20 ? static_cast<std::size_t>(round) * 37 : random() % end;
    write(folder / "b.qar", good.substr(0, size));
    const std::string error = error_of(folder / "b.qar");
    EXPECT_THAT(error, HasSubstr("b.qar: ")) << size;
  }
}

TEST(ArchiveDamage, FlippedBytesAreFoundOrHarmless) {
  const TemporaryFolder folder;
  const fs::path path = folder / "b.qar";
  ASSERT_TRUE(write_archive(folder / "a.qar", sample_archive()));
  const std::string good = content(folder / "a.qar");
  std::mt19937 random(5);
  int harmless = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bad = good;
    const std::size_t place = random() % bad.size();
    bad[place] = static_cast<char>(bad[place] ^ (1 << random() % 8));
    write(path, bad);
    const auto read = read_archive(path);
    if (!read) {
      EXPECT_THAT(read.error().text(), HasSubstr("b.qar: "));
      continue;
    }
    // Only padding, or white space in the manifest, may change unseen: what is read is the
    // original.
    ++harmless;
    testing::expect_same(sample_archive(), *read);
  }
  EXPECT_GT(harmless, 0);
}

TEST(ArchiveDamage, NamesMissingDamagedAndForeignMembers) {
  const TemporaryFolder folder;
  for (const char* const name : {"graph.json", "calibration.json", "script.alls", "original.onnx",
                                 "params/0000_conv1_weight_0.npy"}) {
    Forger missing(folder);
    missing.members.erase(name);
    EXPECT_THAT(missing.error_as_it_is(),
                HasSubstr(std::string("forged.qar: ") + name + ": this member is missing"));

    Forger damaged(folder);
    damaged.members[name][1] ^= std::byte{1};
    EXPECT_THAT(damaged.error_as_it_is(), HasSubstr(std::string(name) + ": is damaged"));

    Forger longer(folder);
    longer.members[name].push_back(std::byte{0});
    EXPECT_THAT(longer.error_as_it_is(), HasSubstr(std::string(name) + ": has"));
  }
  Forger foreign(folder);
  foreign.members["note.txt"] = to_bytes("hello");
  EXPECT_THAT(foreign.error_as_it_is(),
              HasSubstr("note.txt: the manifest does not list this member"));

  Forger without(folder);
  without.members.erase("manifest.json");
  EXPECT_THAT(without.error_as_it_is(), HasSubstr("no manifest.json"));

  // Listed nowhere and packed nowhere: the checksums are good, the member is still needed.
  for (const char* const name : {"calibration.json", "script.alls", "original.onnx"}) {
    Forger unlisted(folder);
    unlisted.members.erase(name);
    EXPECT_THAT(unlisted.error(), HasSubstr(std::string(name) + ": this member is missing"));
  }
}

TEST(ArchiveDamage, ManifestGuardsItself) {
  const TemporaryFolder folder;
  Forger changed(folder);
  changed.manifest["input"]["mean"][0] = 124.675;
  changed.members["manifest.json"] = to_bytes(changed.manifest.dump());
  EXPECT_THAT(changed.error_as_it_is(), HasSubstr("manifest.json: crc32: the manifest is damaged"));

  // White space is not content.
  Forger reformatted(folder);
  reformatted.members["manifest.json"] = to_bytes(reformatted.manifest.dump(4));
  EXPECT_EQ(reformatted.error_as_it_is(), "no error");

  Forger no_json(folder);
  no_json.members["manifest.json"] = to_bytes("{\"format\":");
  EXPECT_THAT(no_json.error_as_it_is(), HasSubstr("manifest.json: is not valid JSON"));

  Forger other(folder);
  other.manifest["format"] = "something else";
  EXPECT_THAT(other.error(), HasSubstr("'something else'"));
}

TEST(ArchiveDamage, NewerFormatNamesBothVersions) {
  const TemporaryFolder folder;
  Forger newer(folder);
  newer.manifest["format_version"] = kArchiveFormat + 1;
  newer.manifest["gst_quant_version"] = "9.8.7";
  const std::string error = newer.error();
  EXPECT_THAT(error, HasSubstr("format 2 was written by gst-quant 9.8.7"));
  EXPECT_THAT(error, HasSubstr("reads up to format 1"));
  Forger zero(folder);
  zero.manifest["format_version"] = 0;
  EXPECT_THAT(zero.error(), HasSubstr("format_version"));
}

struct Forgery {
  const char* name;
  void (*change)(json& integer);
  const char* expected;
};

TEST(ArchiveDamage, RefusesHostileGraphs) {
  const TemporaryFolder folder;
  const Forgery forgeries[] = {
      {"id too large", [](json& g) { g["nodes"][0]["inputs"][1] = 7; },
       "nodes[0].inputs[1]: is not within -1 to 6"},
      {"id too small", [](json& g) { g["nodes"][0]["outputs"][0] = -2; }, "nodes[0].outputs[0]"},
      {"id huge", [](json& g) { g["nodes"][0]["inputs"][0] = 4294967296; }, "nodes[0].inputs[0]"},
      {"id fraction", [](json& g) { g["nodes"][0]["inputs"][0] = 0.5; }, "is not an integer"},
      {"graph input", [](json& g) { g["inputs"][0] = -1; }, "inputs[0]"},
      {"graph output", [](json& g) { g["outputs"][0] = 7; }, "outputs[0]"},
      {"operator", [](json& g) { g["nodes"][0]["op"] = "Evil"; }, "'Evil' is no operator"},
      {"type", [](json& g) { g["values"][0]["type"] = "uint9"; }, "'uint9' is no element type"},
      {"type of constant", [](json& g) { g["values"][1]["type"] = "uint8"; }, "holds int8 2x3x1x1"},
      {"shape of constant",
       [](json& g) {
         g["values"][1]["shape"] = {3, 2, 1, 1};
       },
       "declared is int8 3x2x1x1"},
      {"negative size", [](json& g) { g["values"][3]["shape"][1] = -2; }, "values[3].shape[1]"},
      {"absurd size",
       [](json& g) {
         g["values"][3]["shape"] = {1, 4294967296, 4294967296, 1};
       },
       "too large"},
      {"rank", [](json& g) { g["values"][3]["shape"] = std::vector<int>(17, 1); },
       "more than 16 dimensions"},
      {"path", [](json& g) { g["values"][1]["constant"] = "../../etc/passwd"; },
       "no such parameter"},
      {"other member", [](json& g) { g["values"][1]["constant"] = "original.onnx"; },
       "no such parameter"},
      {"used twice", [](json& g) { g["values"][2]["constant"] = g["values"][1]["constant"]; },
       "used twice"},
      {"two names", [](json& g) { g["values"][1]["name"] = "images"; },
       "two tensors have this name"},
      {"written twice", [](json& g) { g["nodes"][0]["outputs"][1] = 3; }, "a second time"},
      {"not a list", [](json& g) { g["nodes"] = 5; }, "integer.nodes: is not an array"},
      {"missing", [](json& g) { g["values"][0].erase("shape"); },
       "integer.values[0]: lacks 'shape'"},
      {"null", [](json& g) { g["values"][0]["name"] = nullptr; }, "is not a string"},
      {"float range", [](json& g) { g["values"][3]["quant"]["scale"][0] = 1e300; },
       "too large for float32"},
      {"attribute kind",
       [](json& g) {
         g["nodes"][0]["attributes"]["group"] = {{"double", 1}};
       },
       "no kind"},
      {"two kinds",
       [](json& g) {
         g["nodes"][0]["attributes"]["group"] = {{"int", 1}, {"float", 1}};
       },
       "one value"},
      {"int64",
       [](json& g) {
         g["nodes"][0]["attributes"]["group"] = {{"int", 18446744073709551615u}};
       },
       "within"},
  };
  for (const Forgery& forgery : forgeries) {
    SCOPED_TRACE(forgery.name);
    Forger forger(folder);
    forgery.change(forger.graph["integer"]);
    const std::string error = forger.error();
    EXPECT_THAT(error, HasSubstr("forged.qar: graph.json: "));
    EXPECT_THAT(error, HasSubstr(forgery.expected));
  }
}

TEST(ArchiveDamage, RefusesDeepNesting) {
  const TemporaryFolder folder;
  Forger forger(folder);
  forger.members["graph.json"] = to_bytes(std::string(1000000, '['));
  EXPECT_THAT(forger.error_with_graph_text(), HasSubstr("graph.json: is nested too deeply"));
}

// Every scalar of graph.json, calibration.json and the manifest replaced by values of other kinds
// and sizes.
TEST(ArchiveDamage, AnyReplacedFieldIsReadOrRefused) {
  const TemporaryFolder folder;
  const Forger original(folder);
  const json replacements[] = {nullptr,
                               -1,
                               0,
                               3,
                               1e308,
                               9223372036854775807,
                               18446744073709551615u,
                               "",
                               "nan",
                               json::array(),
                               json::object(),
                               true,
                               json::array({1, 2, 3})};
  const json flat = original.graph.flatten();
  int refused = 0;
  int rounds = 0;
  for (const auto& [pointer, value] : flat.items()) {
    for (const json& replacement : replacements) {
      // All of them would take a minute; every seventh, shifting from field to field, meets every
      // pair of kinds.
      if (++rounds % 7 != 0) continue;
      Forger forger = original;
      forger.graph[json::json_pointer(pointer)] = replacement;
      if (forger.error() != "no error") ++refused;
    }
  }
  EXPECT_GT(refused, rounds / 14);
}

}  // namespace
}  // namespace quant
