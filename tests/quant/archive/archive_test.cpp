// SPDX-License-Identifier: MIT
#include "quant/archive/archive.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>

#include "quant/archive/sample_archive.h"
#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using testing::expect_same;
using ::testing::HasSubstr;
using testing::sample_archive;
using testing::TemporaryFolder;

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Archive, RoundTripsEveryField) {
  const TemporaryFolder folder;
  const Archive archive = sample_archive();
  const auto written = write_archive(folder / "a.qar", archive);
  ASSERT_TRUE(written) << written.error().text();
  const auto read = read_archive(folder / "a.qar");
  ASSERT_TRUE(read) << read.error().text();
  expect_same(archive, *read);
}

// The sample's input as features instead of a frame.
Archive feature_archive() {
  Archive archive = sample_archive();
  QuantizedModel& model = archive.model;
  Value& input = model.integer.value(model.integer.inputs[0]);
  input.quant->scale = {0.5F};
  input.quant->zero_point = {3};
  model.input = InputSpec();
  model.input.features = {{input.name, input.shape}};
  return archive;
}

TEST(Archive, RoundTripsFeatures) {
  const TemporaryFolder folder;
  Archive archive = feature_archive();
  auto written = write_archive(folder / "a.qar", archive);
  ASSERT_TRUE(written) << written.error().text();
  const auto read = read_archive(folder / "a.qar");
  ASSERT_TRUE(read) << read.error().text();
  expect_same(archive, *read);
  EXPECT_FALSE(read->model.input.is_image());
}

TEST(Archive, RefusesFeaturesThatDoNotFit) {
  const TemporaryFolder folder;
  const auto error = [&](const std::function<void(QuantizedModel&)>& damage) {
    Archive archive = feature_archive();
    damage(archive.model);
    const auto written = write_archive(folder / "a.qar", archive);
    return written ? "none" : written.error().text();
  };
  EXPECT_THAT(error([](QuantizedModel& m) { m.input.features[0].shape[1] = 4; }),
              HasSubstr("the features"));
  EXPECT_THAT(error([](QuantizedModel& m) { m.input.features[0].name = "other"; }),
              HasSubstr("the features 'other'"));
  EXPECT_THAT(error([](QuantizedModel& m) { m.input.features[0].shape[1] = -1; }),
              HasSubstr("have no size"));
  EXPECT_THAT(error([](QuantizedModel& m) {
                m.input.features.push_back({"more", {1}});
              }),
              HasSubstr("not as many inputs"));
  EXPECT_THAT(error([](QuantizedModel& m) { m.input.features.push_back(m.input.features[0]); }),
              HasSubstr("each its own"));
}

TEST(Archive, EqualArchivesAreEqualFiles) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_archive(folder / "a.qar", sample_archive()));
  ASSERT_TRUE(write_archive(folder / "b.qar", sample_archive()));
  const auto read = read_archive(folder / "a.qar");
  ASSERT_TRUE(read);
  ASSERT_TRUE(write_archive(folder / "c.qar", *read));
  EXPECT_EQ(content(folder / "a.qar"), content(folder / "b.qar"));
  EXPECT_EQ(content(folder / "a.qar"), content(folder / "c.qar"));
}

TEST(Archive, TarListsIt) {
  if (std::system("tar --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no tar program";
  const TemporaryFolder folder;
  ASSERT_TRUE(write_archive(folder / "a.qar", sample_archive()));
  const std::string list = (folder / "list").string();
  ASSERT_EQ(std::system(("tar tf " + (folder / "a.qar").string() + " > " + list).c_str()), 0);
  EXPECT_EQ(content(list),
            "manifest.json\ngraph.json\ncalibration.json\nscript.alls\n"
            "params/0000_conv1_weight_0.npy\nparams/0001_bias_with_spaces___.npy\n"
            "params/0002_conv2_weight.npy\nparams/0003_conv2_bias.npy\n"
            "params/0004_conv1.table.npy\noriginal.onnx\n");
}

// What people do: unpack, look, pack again. Folders and "./" come in, the content is the same.
TEST(Archive, ReadsWhatTarPackedAgain) {
  if (std::system("tar --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no tar program";
  const TemporaryFolder folder;
  ASSERT_TRUE(write_archive(folder / "a.qar", sample_archive()));
  const std::string base = folder.path().string();
  ASSERT_EQ(std::system(
                ("cd " + base + " && mkdir x && tar xf a.qar -C x && tar cf b.qar -C x .").c_str()),
            0);
  const auto read = read_archive(folder / "b.qar");
  ASSERT_TRUE(read) << read.error().text();
  expect_same(sample_archive(), *read);
}

TEST(Archive, LeavesNothingBehindWhenItCannotBeWritten) {
  const TemporaryFolder folder;
  Archive archive = sample_archive();
  archive.model.host.outputs = {99};
  const auto status = write_archive(folder / "a.qar", archive);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  archive = sample_archive();
  archive.model.integer.nodes[0].name = "\xff not UTF-8";
  EXPECT_THAT(write_archive(folder / "a.qar", archive).error().text(), HasSubstr("UTF-8"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_EQ(write_archive(folder / "none" / "a.qar", sample_archive()).error().code,
            ErrorCode::kIo);
}

TEST(Archive, NamesWhatIsNoArchive) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_archive(folder / "missing.qar").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_archive(folder.path()).error().code, ErrorCode::kInvalidArgument);
  std::ofstream(folder / "empty.qar");
  std::ofstream(folder / "text.qar") << std::string(5000, 'x');
  for (const char* const name : {"empty.qar", "text.qar"}) {
    const auto read = read_archive(folder / name);
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidData);
    EXPECT_THAT(read.error().text(), HasSubstr(name));
    EXPECT_THAT(read.error().text(), HasSubstr("not a .qar archive"));
  }
}

// Archives that are whole as files, but whose graphs would mislead an executor. The writer refuses
// them with the reader's own checks where it can; the rest is in archive_damage_test.
struct BrokenModel {
  const char* name;
  std::function<void(QuantizedModel&)> damage;
  const char* expected;
};

TEST(Archive, RefusesModelsThatDoNotFitTogether) {
  const TemporaryFolder folder;
  const BrokenModel cases[] = {
      {"size", [](QuantizedModel& m) { m.input.width = 7; }, "a frame is uint8 1x3x4x7"},
      {"input",
       [](QuantizedModel& m) {
         m.integer.inputs = {0, 0};
       },
       "not one input"},
      {"params", [](QuantizedModel& m) { m.integer.values[3].quant.reset(); },
       "no quantization parameters"},
      {"open size", [](QuantizedModel& m) { m.integer.values[3].shape[2] = -1; }, "open size"},
      {"host name", [](QuantizedModel& m) { m.host.values[0].name = "other"; },
       "the host graph takes"},
      {"host type", [](QuantizedModel& m) { m.host.values[0].type = DataType::kInt8; },
       "the host graph takes"},
      {"host count", [](QuantizedModel& m) { m.integer.outputs.clear(); },
       "the host graph takes 1 tensors"},
      {"no output", [](QuantizedModel& m) { m.host.outputs.clear(); }, "no output"},
      {"constant output",
       [](QuantizedModel& m) { m.host.outputs = {m.host.add_constant("c", Tensor())}; },
       "is a constant"},
      {"host shape",
       [](QuantizedModel& m) {
         m.host.values[1].shape = {5, -1};
       },
       "but its operator makes"},
      {"host operator", [](QuantizedModel& m) { m.host.nodes[0].op = OpKind::kConv; }, "nonzero1"},
      {"std", [](QuantizedModel& m) { m.input.std[1] = 0; }, "cannot normalize"},
      {"order", [](QuantizedModel& m) { m.integer.nodes[0].inputs[0] = 3; },
       "nothing has made yet"},
  };
  for (const BrokenModel& broken : cases) {
    SCOPED_TRACE(broken.name);
    Archive archive = sample_archive();
    broken.damage(archive.model);
    const auto status = write_archive(folder / "a.qar", archive);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().text(), HasSubstr(broken.expected));
  }
}

TEST(Archive, RefusesImpossibleQuantizationParameters) {
  const TemporaryFolder folder;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const BrokenModel cases[] = {
      {"zero scale", [](QuantizedModel& m) { m.integer.values[3].quant->scale = {0}; },
       "is no scale"},
      {"infinite", [](QuantizedModel& m) { m.integer.values[3].quant->scale = {kInfinity}; },
       "is no scale"},
      {"nan",
       [](QuantizedModel& m) { m.integer.values[3].quant->scale = {-kInfinity / kInfinity}; },
       "is no scale"},
      {"none", [](QuantizedModel& m) { m.integer.values[3].quant->scale = {}; }, "has 0 values"},
      {"count",
       [](QuantizedModel& m) {
         m.integer.values[1].quant->scale = {1, 1, 1};
       },
       "has 3 values, the axis 2"},
      {"pair", [](QuantizedModel& m) { m.integer.values[1].quant->zero_point = {0}; },
       "another number"},
      {"axis", [](QuantizedModel& m) { m.integer.values[1].quant->axis = 4; }, "axis"},
      {"zero point", [](QuantizedModel& m) { m.integer.values[3].quant->zero_point = {256}; },
       "outside uint8"},
      {"zero point of 16 bits",
       [](QuantizedModel& m) { m.integer.values[6].quant->zero_point[1] = 65536; },
       "outside uint16"},
      {"type", [](QuantizedModel& m) { m.integer.values[3].quant->type = DataType::kInt8; },
       "the tensor is uint8"},
      {"range", [](QuantizedModel& m) { m.integer.values[3].quant->range_min = 3; }, "in order"},
  };
  for (const BrokenModel& broken : cases) {
    SCOPED_TRACE(broken.name);
    Archive archive = sample_archive();
    broken.damage(archive.model);
    ASSERT_TRUE(write_archive(folder / "a.qar", archive));
    const auto read = read_archive(folder / "a.qar");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().text(), HasSubstr("a.qar: graph.json: integer.values["));
    EXPECT_THAT(read.error().text(), HasSubstr(broken.expected));
  }
}

}  // namespace
}  // namespace quant
