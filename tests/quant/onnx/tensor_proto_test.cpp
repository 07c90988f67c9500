// SPDX-License-Identifier: MIT
// Weights in every stored form, and stored forms that lie about their size.
#include "quant/onnx/tensor_proto.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include "quant/onnx/element_type.h"
#include "quant/onnx/embed_external_data.h"
#include "quant/onnx/model_builder.h"
#include "quant/onnx/model_proto.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Onnx = onnx::TensorProto;

Onnx tensor_of(std::int32_t type, const Shape& shape) {
  Onnx tensor;
  tensor.set_name("w");
  tensor.set_data_type(type);
  for (const std::int64_t dim : shape) tensor.add_dims(dim);
  return tensor;
}

Onnx raw_tensor(std::int32_t type, const Shape& shape, const std::string& bytes) {
  Onnx tensor = tensor_of(type, shape);
  tensor.set_raw_data(bytes);
  return tensor;
}

std::string error_of(const Onnx& tensor) {
  const auto result = read_tensor(tensor, {});
  return result ? "no error" : result.error().text();
}

TEST(TensorProto, RawBytesOfEveryWidth) {
  const auto float32 =
      read_tensor(raw_tensor(Onnx::FLOAT, {1}, std::string("\0\0\x80\x3F", 4)), {});
  ASSERT_TRUE(float32);
  EXPECT_THAT(float32->data<float>(), ElementsAre(1.0F));
  const auto int16 = read_tensor(raw_tensor(Onnx::INT16, {2}, std::string("\1\0\xFF\xFF", 4)), {});
  ASSERT_TRUE(int16);
  EXPECT_THAT(int16->data<std::int16_t>(), ElementsAre(1, -1));
  const auto boolean = read_tensor(raw_tensor(Onnx::BOOL, {3}, std::string("\0\1\7", 3)), {});
  ASSERT_TRUE(boolean);
  EXPECT_THAT(boolean->data<std::uint8_t>(), ElementsAre(0, 1, 1)) << "any non-zero byte is true";
  const auto half =
      read_tensor(raw_tensor(Onnx::FLOAT16, {2}, std::string("\x00\x3C\xFF\x7B", 4)), {});
  ASSERT_TRUE(half);
  EXPECT_THAT(half->data<float>(), ElementsAre(1.0F, 65504.0F));
  const auto brain = read_tensor(raw_tensor(Onnx::BFLOAT16, {1}, std::string("\xC0\x3F", 2)), {});
  ASSERT_TRUE(brain);
  EXPECT_THAT(brain->data<float>(), ElementsAre(1.5F));
}

TEST(TensorProto, TypedFields) {
  Onnx bytes = tensor_of(Onnx::UINT8, {2});
  bytes.add_int32_data(0);
  bytes.add_int32_data(255);
  EXPECT_THAT(read_tensor(bytes, {})->data<std::uint8_t>(), ElementsAre(0, 255));
  Onnx doubles = tensor_of(Onnx::DOUBLE, {1});
  doubles.add_double_data(0.1);
  EXPECT_THAT(read_tensor(doubles, {})->data<double>(), ElementsAre(0.1));
  Onnx words = tensor_of(Onnx::UINT32, {1});
  words.add_uint64_data(4294967295U);
  EXPECT_THAT(read_tensor(words, {})->data<std::uint32_t>(), ElementsAre(4294967295U));
  Onnx halves = tensor_of(Onnx::BFLOAT16, {1});
  halves.add_int32_data(0x3FC0);
  EXPECT_THAT(read_tensor(halves, {})->data<float>(), ElementsAre(1.5F));
}

// Two to a byte, the first in its low half.
TEST(TensorProto, ElementsOfFourBits) {
  const auto raw = read_tensor(raw_tensor(kOnnxInt4, {3}, std::string("\x78\xFF", 2)), {});
  ASSERT_TRUE(raw) << raw.error().text();
  EXPECT_THAT(raw->data<std::int8_t>(), ElementsAre(-8, 7, -1));
  Onnx fields = tensor_of(kOnnxUint4, {2, 2});
  fields.add_int32_data(0xF0);
  fields.add_int32_data(0x81);
  EXPECT_THAT(read_tensor(fields, {})->data<std::uint8_t>(), ElementsAre(0, 15, 1, 8));
  EXPECT_THAT(error_of(raw_tensor(kOnnxInt4, {3}, "1")), HasSubstr("INT4 of shape 3 needs 2"));
  EXPECT_THAT(error_of(tensor_of(kOnnxInt4, {3})), HasSubstr("holds 0 elements"));
  EXPECT_EQ(read_tensor(raw_tensor(kOnnxInt4, {0}, ""), {})->elements(), 0);
}

TEST(TensorProto, ScalarsAndEmptyTensors) {
  EXPECT_EQ(read_tensor(testing::float_tensor("s", {}, {3}), {})->shape(), Shape{});
  EXPECT_EQ(read_tensor(testing::float_tensor("e", {0, 3}, {}), {})->elements(), 0);
  Onnx both = testing::float_tensor("b", {1}, {3});
  both.set_raw_data("");
  EXPECT_THAT(read_tensor(both, {})->data<float>(), ElementsAre(3.0F));
}

TEST(TensorProto, SizesThatDoNotMatchTheData) {
  EXPECT_THAT(error_of(raw_tensor(Onnx::FLOAT, {2}, "1234567")),
              HasSubstr("tensor 'w': holds 7 bytes, FLOAT of shape 2 needs 8"));
  EXPECT_THAT(error_of(testing::float_tensor("w", {3}, {1, 2})),
              HasSubstr("holds 2 elements, its shape 3 needs 3"));
  EXPECT_THAT(error_of(testing::float_tensor("w", {-1}, {1})), HasSubstr("negative dimension"));
  EXPECT_THAT(error_of(raw_tensor(Onnx::FLOAT, {1 << 20, 1 << 20}, "1234")),
              HasSubstr("too large"));
  EXPECT_THAT(error_of(raw_tensor(Onnx::FLOAT, {std::int64_t{1} << 62, 4, 0}, "")),
              HasSubstr("too large"));
  // Two gigabytes claimed, four bytes there: refused before anything is allocated.
  EXPECT_THAT(error_of(raw_tensor(Onnx::FLOAT, {1 << 29}, "1234")), HasSubstr("holds 4 bytes"));
}

TEST(TensorProto, ValuesAndTypesThatDoNotFit) {
  Onnx bytes = tensor_of(Onnx::UINT8, {1});
  bytes.add_int32_data(256);
  EXPECT_THAT(error_of(bytes), HasSubstr("element 0 is 256, which uint8 cannot hold"));
  EXPECT_THAT(error_of(tensor_of(Onnx::STRING, {1})), HasSubstr("STRING is not supported"));
  EXPECT_THAT(error_of(tensor_of(Onnx::COMPLEX64, {1})), HasSubstr("COMPLEX64"));
  EXPECT_THAT(error_of(tensor_of(17, {1})), HasSubstr("FLOAT8E4M3FN"));
  EXPECT_THAT(error_of(tensor_of(99, {1})), HasSubstr("type 99"));
  // The type says float, the data lies in the integers' field.
  Onnx mixed = tensor_of(Onnx::FLOAT, {1});
  mixed.add_int64_data(1);
  EXPECT_THAT(error_of(mixed), HasSubstr("holds 0 elements"));
}

class ExternalData : public ::testing::Test {
 protected:
  ExternalData() {
    std::ofstream stream(folder_ / "weights.bin", std::ios::binary);
    const float values[] = {1, 2, 3, 4};
    stream.write(reinterpret_cast<const char*>(values), sizeof(values));
  }
  static Onnx tensor(const std::string& location, const char* offset, const char* length) {
    Onnx result = tensor_of(Onnx::FLOAT, {2});
    result.set_data_location(Onnx::EXTERNAL);
    const auto add = [&](const char* key, const std::string& value) {
      auto& entry = *result.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    add("location", location);
    if (offset != nullptr) add("offset", offset);
    if (length != nullptr) add("length", length);
    return result;
  }
  std::string error(const Onnx& proto) const {
    const auto result = read_tensor(proto, folder_.path());
    return result ? "no error" : result.error().text();
  }

  TemporaryFolder folder_;
};

TEST_F(ExternalData, IsReadFromItsPlace) {
  EXPECT_THAT(read_tensor(tensor("weights.bin", "4", "8"), folder_.path())->data<float>(),
              ElementsAre(2, 3));
  EXPECT_THAT(read_tensor(tensor("weights.bin", "8", nullptr), folder_.path())->data<float>(),
              ElementsAre(3, 4));
}

TEST_F(ExternalData, StaysInsideTheFile) {
  EXPECT_THAT(error(tensor("weights.bin", "12", "8")), HasSubstr("has 16 bytes"));
  EXPECT_THAT(error(tensor("weights.bin", "99", nullptr)), HasSubstr("has 16 bytes"));
  EXPECT_THAT(error(tensor("weights.bin", "18446744073709551615", "8")), HasSubstr("has 16 bytes"));
  EXPECT_THAT(error(tensor("weights.bin", "0", "16")), HasSubstr("holds 16 bytes for this tensor"));
  EXPECT_THAT(error(tensor("weights.bin", "-4", "8")), HasSubstr("offset is '-4'"));
  EXPECT_THAT(error(tensor("weights.bin", "4 ", "8")), HasSubstr("not a number"));
}

TEST_F(ExternalData, StaysInsideTheDirectory) {
  EXPECT_THAT(error(tensor("../weights.bin", "0", "8")),
              HasSubstr("outside the model's directory"));
  EXPECT_THAT(error(tensor("/etc/passwd", "0", "8")), HasSubstr("not a relative path"));
  EXPECT_THAT(error(tensor(std::string("weights.bin\0x", 13), "0", "8")),
              HasSubstr("relative path"));
  std::filesystem::create_symlink("/etc/passwd", folder_ / "link");
  EXPECT_THAT(error(tensor("link", "0", "8")), HasSubstr("leads outside"));
  EXPECT_THAT(error(tensor(".", "0", "8")), HasSubstr("not a regular file"));
  EXPECT_THAT(error(tensor("absent.bin", "0", "8")), HasSubstr("absent.bin"));
  EXPECT_THAT(error(tensor("", "0", "8")), HasSubstr("without a location"));
}

TEST_F(ExternalData, IsEmbeddedWhereverItStands) {
  testing::ModelBuilder model;
  model.initializer(tensor("weights.bin", "0", "8"));
  model.node("Constant", {}, {"c"}).set("value", tensor("weights.bin", "8", "8"));
  onnx::GraphProto branch;
  *branch.add_initializer() = tensor("weights.bin", "4", "8");
  model.node("If", {"w"}, {"i"}).set("then_branch", branch);
  const auto embedded = embed_external_data(model.bytes(), folder_.path());
  ASSERT_TRUE(embedded) << embedded.error().text();
  const auto read = parse_model(*embedded);
  ASSERT_TRUE(read);
  const auto values = [](const Onnx& proto) {
    const auto result = read_tensor(proto, {});
    EXPECT_TRUE(result);
    const auto data = result->data<float>();
    return std::vector<float>(data.begin(), data.end());
  };
  EXPECT_THAT(values(read->graph().initializer(0)), ElementsAre(1, 2));
  EXPECT_THAT(values(read->graph().node(0).attribute(0).t()), ElementsAre(3, 4));
  EXPECT_THAT(values(read->graph().node(1).attribute(0).g().initializer(0)), ElementsAre(2, 3));
  // Nothing left to embed: the same bytes.
  EXPECT_EQ(*embed_external_data(*embedded, folder_.path()), *embedded);
}

TEST_F(ExternalData, NeedsADirectory) {
  EXPECT_THAT(error_of(tensor("weights.bin", "0", "8")), HasSubstr("without its directory"));
}

TEST(SparseTensor, IndicesMustLieInside) {
  onnx::SparseTensorProto sparse;
  *sparse.mutable_values() = testing::float_tensor("s", {1}, {5});
  *sparse.mutable_indices() = testing::int64_tensor("", {1, 2}, {1, 0});
  sparse.add_dims(2);
  sparse.add_dims(2);
  EXPECT_THAT(read_sparse_tensor(sparse, {})->data<float>(), ElementsAre(0, 0, 5, 0));
  sparse.mutable_indices()->set_int64_data(0, 2);
  EXPECT_THAT(read_sparse_tensor(sparse, {}).error().text(), HasSubstr("lies outside"));
  sparse.set_dims(0, 1 << 20);
  sparse.set_dims(1, 1 << 20);
  EXPECT_THAT(read_sparse_tensor(sparse, {}).error().text(), HasSubstr("too large"));
}

}  // namespace
}  // namespace quant
