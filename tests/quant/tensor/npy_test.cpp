// SPDX-License-Identifier: MIT
#include "quant/tensor/npy.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <string_view>

#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr DataType kAllTypes[] = {DataType::kFloat32, DataType::kFloat64, DataType::kUint8,
                                  DataType::kInt8,    DataType::kUint16,  DataType::kInt16,
                                  DataType::kUint32,  DataType::kInt32,   DataType::kUint64,
                                  DataType::kInt64,   DataType::kBool};

// A file made by hand: version, header text and data, lengths filled in.
std::vector<std::byte> hand_made(int version, std::string_view header, std::string_view data) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  const std::size_t length = header.size();
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    file += static_cast<char>(length >> (8 * i) & 0xff);
  }
  file += header;
  file += data;
  std::vector<std::byte> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  return bytes;
}

std::string error_of(std::span<const std::byte> bytes) {
  const auto result = parse_npy(bytes);
  return result ? "no error" : result.error().text();
}

void expect_same(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.type(), b.type());
  EXPECT_EQ(a.shape(), b.shape());
  ASSERT_EQ(a.bytes(), b.bytes());
  EXPECT_EQ(std::memcmp(a.raw(), b.raw(), a.bytes()), 0);
}

TEST(Npy, EveryTypeAndRankRoundTrips) {
  std::mt19937 random(1);
  for (const DataType type : kAllTypes) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{5}, Shape{2, 3}, Shape{3, 0, 2},
                               Shape{1, 3, 5, 7}, Shape{1, 1, 1, 1, 1, 2}}) {
      Tensor tensor(type, shape);
      for (std::size_t i = 0; i < tensor.bytes(); ++i) {
        tensor.raw()[i] = static_cast<std::byte>(type == DataType::kBool ? random() & 1 : random());
      }
      const auto bytes = npy_bytes(tensor);
      EXPECT_EQ((bytes.size() - tensor.bytes()) % 64, 0u);
      const auto read = parse_npy(bytes);
      ASSERT_TRUE(read) << read.error().text();
      expect_same(tensor, *read);
    }
  }
}

TEST(Npy, FilesRoundTripAndReadItemByItem) {
  const TemporaryFolder folder;
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.5f);
  const Tensor tensor = Tensor::from<float>({4, 2, 3}, values);
  ASSERT_TRUE(write_npy(folder / "a.npy", tensor));
  const auto whole = read_npy(folder / "a.npy");
  ASSERT_TRUE(whole) << whole.error().text();
  expect_same(tensor, *whole);

  auto file = NpyFile::open(folder / "a.npy");
  ASSERT_TRUE(file);
  for (const std::int64_t item : {3, 0, 2}) {
    const auto slice = file->read_item(item);
    ASSERT_TRUE(slice);
    EXPECT_EQ(slice->shape(), (Shape{2, 3}));
    EXPECT_EQ(slice->data<float>()[5], values[static_cast<std::size_t>(item) * 6 + 5]);
  }
}

// Headers as numpy writes them (version 1), as it writes very long ones (2), and with unicode field
// names (3).
TEST(Npy, ReadsAllVersionsAndSpellings) {
  const std::string data("\x01\x00\x02\x00\x03\x00", 6);
  for (const int version : {1, 2, 3}) {
    const auto tensor = parse_npy(
        hand_made(version, "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }   \n", data));
    ASSERT_TRUE(tensor) << tensor.error().text();
    EXPECT_EQ(tensor->type(), DataType::kInt16);
    EXPECT_EQ(tensor->data<std::int16_t>()[2], 3);
  }
  EXPECT_TRUE(
      parse_npy(hand_made(1, "{\"shape\":(1,3),\"fortran_order\":False,\"descr\":\"<u2\"}", data)));
  // One axis lies the same in both orders; numpy may say either.
  EXPECT_TRUE(
      parse_npy(hand_made(1, "{'descr': '<i2', 'fortran_order': True, 'shape': (3,)}", data)));
}

TEST(Npy, TruthValuesBecomeZeroAndOne) {
  const auto tensor = parse_npy(
      hand_made(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", "\x02\x7f\xff"));
  ASSERT_TRUE(tensor);
  for (const std::uint8_t value : tensor->data<std::uint8_t>()) EXPECT_EQ(value, 1);
}

TEST(Npy, SaysWhatItCannotRead) {
  const auto header = [](std::string_view descr, std::string_view order, std::string_view shape) {
    return "{'descr': " + std::string(descr) + ", 'fortran_order': " + std::string(order) +
           ", 'shape': " + std::string(shape) + "}";
  };
  const std::string data(8, '\0');
  EXPECT_THAT(error_of(hand_made(1, header("'>f4'", "False", "(2,)"), data)),
              HasSubstr("big-endian"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "True", "(1, 2)"), data)),
              HasSubstr("Fortran"));
  EXPECT_THAT(error_of(hand_made(1, header("'<c8'", "False", "(1,)"), data)),
              HasSubstr("element type"));
  EXPECT_THAT(error_of(hand_made(1, header("'|O'", "False", "(1,)"), data)),
              HasSubstr("element type"));
  EXPECT_THAT(error_of(hand_made(1, header("''", "False", "(1,)"), data)),
              HasSubstr("element type"));
  EXPECT_THAT(error_of(hand_made(1, header("[('a', '<f4')]", "False", "(1,)"), data)),
              HasSubstr("structured"));
  EXPECT_THAT(error_of(hand_made(4, header("'<f4'", "False", "(2,)"), data)),
              HasSubstr("version 4"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "False", "(3,)"), data)),
              HasSubstr("takes 12 bytes, but 8 follow"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "False", "(1,)"), data)),
              HasSubstr("takes 4 bytes, but 8 follow"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "False", "(-1,)"), data)),
              HasSubstr("negative"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "False", "(4294967296, 4294967296)"), data)),
              HasSubstr("too large"));
  EXPECT_THAT(error_of(hand_made(1, header("'<f4'", "False", "(99999999999999999999,)"), data)),
              HasSubstr("malformed"));
  std::string many = "(";
  for (int i = 0; i < 40; ++i) many += "1, ";
  EXPECT_THAT(error_of(hand_made(1, header("'<f8'", "False", many + ")"), data)),
              HasSubstr("dimensions"));
  EXPECT_THAT(error_of(hand_made(1, "{'descr': '<f4', 'fortran_order': False}", data)),
              HasSubstr("lacks"));
  EXPECT_THAT(error_of(hand_made(2, std::string(70000, ' '), data)), HasSubstr("header claims"));
  EXPECT_THAT(error_of(std::as_bytes(std::span("no npy at all", 13))), HasSubstr("not a .npy"));
  EXPECT_THAT(error_of({}), HasSubstr("not a .npy"));
}

TEST(Npy, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  std::ofstream(folder / "broken.npy") << "\x93NUMPY";
  EXPECT_THAT(read_npy(folder / "broken.npy").error().text(), HasSubstr("broken.npy"));
  EXPECT_THAT(read_npy(folder / "missing.npy").error().text(), HasSubstr("missing.npy"));
  EXPECT_EQ(read_npy(folder / "missing.npy").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(write_npy(folder / "none" / "a.npy", Tensor()));
}

// Any damage is an error or another array, never a crash or a huge allocation.
TEST(Npy, SurvivesDamage) {
  const auto good = npy_bytes(Tensor(DataType::kFloat32, {2, 3, 4}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_npy(std::span(good).first(size))) << size;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    auto bytes = good;
    for (int flips = 0; flips < 1 + round % 3; ++flips) {
      bytes[random() % 128] = static_cast<std::byte>(random());
    }
    const auto result = parse_npy(bytes);
    EXPECT_TRUE(!result || result->bytes() <= bytes.size());
  }
}

}  // namespace
}  // namespace quant
