// SPDX-License-Identifier: MIT
// Faults planted by loops of the test's own into small tensors, and what the diagnosis names.
// Real networks and every pair: tests/tools/diagnose_test.py.
#include "quant/analyze/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "quant/analyze/diagnosis_files.h"
#include "quant/analyze/diagnosis_layouts.h"
#include "quant/analyze/diagnosis_report.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

constexpr std::int64_t kFrames = 3;
constexpr std::int64_t kHeight = 12;
constexpr std::int64_t kWidth = 10;
constexpr std::int64_t kChannels = 6;
constexpr std::int64_t kEach = kChannels * kHeight * kWidth;

std::int64_t nchw(std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
  return ((f * kChannels + c) * kHeight + h) * kWidth + w;
}

// A device's integers (frames, C, H, W) and what they stand for.
struct Made {
  std::vector<std::uint16_t> q;
  QuantParams params;

  float real(std::int64_t index, std::size_t channel) const {
    return (static_cast<float>(q[static_cast<std::size_t>(index)]) - params.zero_point[channel]) *
           params.scale[channel];
  }
};

// Waves that differ from frame to frame and from channel to channel.
Made made(unsigned seed, bool per_channel = true) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0.5, 1.5);
  Made result;
  result.params.type = DataType::kUint16;
  for (std::int64_t c = 0; c < (per_channel ? kChannels : 1); ++c) {
    result.params.scale.push_back(
        static_cast<float>(1e-4 * uniform(random) * (1 + 0.4 * static_cast<double>(c))));
    result.params.zero_point.push_back(static_cast<float>(20000 + 3000 * c + 100 * seed));
  }
  result.q.resize(kFrames * kEach);
  for (std::int64_t f = 0; f < kFrames; ++f) {
    for (std::int64_t c = 0; c < kChannels; ++c) {
      const double a = uniform(random);
      const double b = uniform(random);
      const double phase = 6 * uniform(random);
      for (std::int64_t h = 0; h < kHeight; ++h) {
        for (std::int64_t w = 0; w < kWidth; ++w) {
          const double wave =
              std::sin(a * static_cast<double>(h) + 0.7 * b * static_cast<double>(w) + phase);
          result.q[static_cast<std::size_t>(nchw(f, c, h, w))] =
              static_cast<std::uint16_t>(std::lrint(30000 + 20000 * wave));
        }
      }
    }
  }
  return result;
}

Tensor tensor_of(const std::vector<float>& values) {
  return Tensor::from<float>({kFrames, kChannels, kHeight, kWidth}, values);
}

// What reals(f, c, h, w) makes, (frames, C, H, W).
template <typename Real>
Tensor filled(Real real) {
  std::vector<float> values;
  for (std::int64_t f = 0; f < kFrames; ++f)
    for (std::int64_t c = 0; c < kChannels; ++c)
      for (std::int64_t h = 0; h < kHeight; ++h)
        for (std::int64_t w = 0; w < kWidth; ++w) values.push_back(real(f, c, h, w));
  return tensor_of(values);
}

Tensor right(const Made& output) {
  return filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return output.real(nchw(f, c, h, w),
                       output.params.per_channel() ? static_cast<std::size_t>(c) : 0);
  });
}

DiagnosisSubject subject_of(const std::string& name, const Tensor& reference, const Tensor& suspect,
                            std::optional<QuantParams> params) {
  auto subject = make_subject(name, reference, {}, suspect, std::move(params), 8);
  EXPECT_TRUE(subject) << subject.error().text();
  return std::move(*subject);
}

std::string named(const OutputDiagnosis& output) {
  return output.verdict == Verdict::kExplained ? ids_of(output.search.explanations.front().causes)
                                               : to_string(output.verdict);
}

std::string diagnosed(const Tensor& reference, const Tensor& suspect,
                      std::optional<QuantParams> params) {
  const std::vector<DiagnosisSubject> subjects = {
      subject_of("x", reference, suspect, std::move(params))};
  return named(diagnose(subjects, {}).outputs[0]);
}

// What a reader makes of it who takes element `place(c, h, w)` of a memory of NHWC for (c, h, w),
// with the parameters of channel c.
template <typename Place>
Tensor misread(const Made& output, Place place) {
  return filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    const std::int64_t at = place(c, h, w);
    const std::int64_t from =
        nchw(f, at % kChannels, at / kChannels / kWidth, at / kChannels % kWidth);
    return output.real(from, static_cast<std::size_t>(c));
  });
}

TEST(Diagnosis, RightOnesAgree) {
  const Made output = made(1);
  EXPECT_EQ(diagnosed(right(output), right(output), output.params), "agree");
}

TEST(Diagnosis, NhwcReadAsNchw) {
  const Made output = made(2);
  const Tensor wrong = misread(output, [](std::int64_t c, std::int64_t h, std::int64_t w) {
    return (c * kHeight + h) * kWidth + w;
  });
  EXPECT_EQ(diagnosed(right(output), wrong, output.params), "layout");
}

TEST(Diagnosis, HeightAndWidthExchanged) {
  const Made output = made(3);
  const Tensor wrong = misread(output, [](std::int64_t c, std::int64_t h, std::int64_t w) {
    return (w * kHeight + h) * kChannels + c;
  });
  EXPECT_EQ(diagnosed(right(output), wrong, output.params), "height-width");
}

TEST(Diagnosis, PaddingThatNobodyExpected) {
  // Rows of 10 pixels in 16: the integers as they lie in memory, read as if they were dense.
  const Made output = made(4);
  constexpr std::int64_t kPadded = 16;
  Tensor memory(DataType::kUint16, {kFrames, kHeight, kPadded, kChannels});
  for (std::int64_t f = 0; f < kFrames; ++f)
    for (std::int64_t h = 0; h < kHeight; ++h)
      for (std::int64_t w = 0; w < kWidth; ++w)
        for (std::int64_t c = 0; c < kChannels; ++c)
          memory.data<std::uint16_t>()[static_cast<std::size_t>(
              ((f * kHeight + h) * kPadded + w) * kChannels + c)] =
              output.q[static_cast<std::size_t>(nchw(f, c, h, w))];
  EXPECT_EQ(diagnosed(right(output), memory, output.params), "agree") << "its shape says it all";
  const Tensor flat = memory.reshaped({kFrames, kHeight * kPadded * kChannels});
  const std::vector<DiagnosisSubject> subjects = {
      subject_of("x", right(output), flat, output.params)};
  const Diagnosis diagnosis = diagnose(subjects, {});
  EXPECT_EQ(named(diagnosis.outputs[0]), "layout");
  EXPECT_THAT(to_text(diagnosis), HasSubstr("FCR, rows padded from 10 to 16"));
  EXPECT_EQ(diagnosis.outputs[0].search.explanations[0].outcome.db(), Outcome::kExactDb);
}

TEST(Diagnosis, ParametersInTheWrongOrder) {
  const Made output = made(5);
  const auto by = [&](auto channel) {
    return filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
      return output.real(nchw(f, c, h, w), static_cast<std::size_t>(channel(c)));
    });
  };
  EXPECT_EQ(diagnosed(right(output), by([](std::int64_t) { return 0; }), output.params),
            "per-channel-as-per-tensor");
  EXPECT_EQ(
      diagnosed(right(output), by([](std::int64_t c) { return kChannels - 1 - c; }), output.params),
      "channel-order");
}

TEST(Diagnosis, DequantizedNotOnceButTwiceOrNever) {
  const Made output = made(6, false);
  const float scale = output.params.scale[0];
  const float zero = output.params.zero_point[0];
  const Tensor never = filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return static_cast<float>(output.q[static_cast<std::size_t>(nchw(f, c, h, w))]);
  });
  const Tensor twice = filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return (output.real(nchw(f, c, h, w), 0) - zero) * scale;
  });
  EXPECT_EQ(diagnosed(right(output), never, output.params), "not-dequantized");
  EXPECT_EQ(diagnosed(right(output), twice, output.params), "dequantized-twice");
}

TEST(Diagnosis, ActivationMissingAndTwice) {
  const Made output = made(7, false);
  const auto sigmoid = [](float x) { return 1 / (1 + std::exp(-x)); };
  const auto times = [&](int count) {
    return filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
      float value = output.real(nchw(f, c, h, w), 0);
      for (int i = 0; i < count; ++i) value = sigmoid(value);
      return value;
    });
  };
  EXPECT_EQ(diagnosed(times(1), times(0), output.params), "activation-missing");
  EXPECT_EQ(diagnosed(times(1), times(2), std::nullopt), "activation-twice");
}

TEST(Diagnosis, FrameOfBefore) {
  const Made output = made(8);
  const Tensor late = filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return output.real(nchw(std::max<std::int64_t>(f - 1, 0), c, h, w),
                       static_cast<std::size_t>(c));
  });
  EXPECT_EQ(diagnosed(right(output), late, output.params), "stale-frame");
}

TEST(Diagnosis, Saturation) {
  const Made output = made(9, false);
  const Tensor clipped =
      filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
        return std::min(output.real(nchw(f, c, h, w), 0), output.params.scale[0] * 15000);
      });
  EXPECT_EQ(diagnosed(right(output), clipped, output.params), "saturation");
}

TEST(Diagnosis, SwappedOutputsAndAPair) {
  const Made first = made(10, false);
  const Made second = made(11, false);
  const std::vector<DiagnosisSubject> swapped = {
      subject_of("a", right(first), right(second), first.params),
      subject_of("b", right(second), right(first), second.params)};
  for (const OutputDiagnosis& output : diagnose(swapped, {}).outputs)
    EXPECT_EQ(named(output), "outputs-swapped");

  // The other output's parameters, one frame late.
  const Tensor late = filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    const std::int64_t from = nchw(std::max<std::int64_t>(f - 1, 0), c, h, w);
    return (static_cast<float>(first.q[static_cast<std::size_t>(from)]) -
            second.params.zero_point[0]) *
           second.params.scale[0];
  });
  const std::vector<DiagnosisSubject> pair = {
      subject_of("a", right(first), late, first.params),
      subject_of("b", right(second), right(second), second.params)};
  const Diagnosis diagnosis = diagnose(pair, {});
  EXPECT_EQ(named(diagnosis.outputs[0]), "parameters-of-another-output + stale-frame");
  EXPECT_EQ(named(diagnosis.outputs[1]), "agree");
}

TEST(Diagnosis, WhatCannotBeToldApartIsSaidToBeSo) {
  const Made first = made(14, false);
  const Made second = made(15, false);
  const Tensor wrong = filled([&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return (static_cast<float>(first.q[static_cast<std::size_t>(nchw(f, c, h, w))]) -
            second.params.zero_point[0]) *
           second.params.scale[0];
  });
  // Two others have the very parameters that were used.
  const std::vector<DiagnosisSubject> subjects = {
      subject_of("a", right(first), wrong, first.params),
      subject_of("b", right(second), right(second), second.params),
      subject_of("c", right(second), right(second), second.params)};
  const Diagnosis diagnosis = diagnose(subjects, {});
  EXPECT_EQ(named(diagnosis.outputs[0]), "parameters-of-another-output");
  EXPECT_EQ(diagnosis.outputs[0].search.explanations.size(), 2U);
  EXPECT_THAT(to_text(diagnosis),
              HasSubstr("cannot be told from: it was given the scale and zero point of 'c'"));
}

TEST(Diagnosis, ExchangedSizesOfASymmetricSquareMakeNoDifference) {
  Tensor square(DataType::kFloat32, {1, 2, 8, 8});
  for (std::size_t i = 0; i < 128; ++i) {
    const std::size_t h = i / 8 % 8;
    const std::size_t w = i % 8;
    square.data<float>()[i] = static_cast<float>((i / 64 + 1) * (h * h + w * w));
  }
  EXPECT_EQ(diagnosed(square, square, std::nullopt), "agree");
}

TEST(Diagnosis, NoneOfThese) {
  const Made output = made(12);
  const Tensor reference = right(output);
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> noisy(reference.data<float>().begin(), reference.data<float>().end());
  for (float& value : noisy) value += normal(random);
  EXPECT_EQ(diagnosed(reference, tensor_of(noisy), output.params), "none of these");
  std::vector<float> mixed(reference.data<float>().begin(), reference.data<float>().end());
  std::shuffle(mixed.begin(), mixed.end(), random);
  EXPECT_EQ(diagnosed(reference, tensor_of(mixed), output.params), "none of these");
}

std::string resembled(const Tensor& reference, const Tensor& suspect) {
  const std::vector<DiagnosisSubject> subjects = {
      subject_of("x", reference, suspect, std::nullopt)};
  return diagnose(subjects, {}).outputs[0].residual.resembles;
}

TEST(Residual, SaysWhatItResembles) {
  const Made output = made(13);
  const Tensor reference = right(output);
  const auto value = [&](std::int64_t f, std::int64_t c, std::int64_t h, std::int64_t w) {
    return output.real(nchw(f, c, h, w), static_cast<std::size_t>(c));
  };
  EXPECT_THAT(resembled(reference, filled([&](auto f, auto c, auto h, auto w) {
                          return 0.7F * value(f, c, h, w) + 1;
                        })),
              HasSubstr("a gain of 0.7 and an offset of 1"));
  EXPECT_THAT(resembled(reference, filled([&](auto f, auto c, auto h, auto w) {
                          return value(f, c, h, std::max<std::int64_t>(w - 1, 0));
                        })),
              HasSubstr("shifted by 1 columns and 0 rows"));
  EXPECT_THAT(resembled(reference, filled([&](auto f, auto c, auto h, auto w) {
                          return value(f, c, h, w) * (c % 2 == 0 ? 1.0F : 0.4F);
                        })),
              HasSubstr("in each channel"));
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.3F);
  EXPECT_THAT(resembled(reference, filled([&](auto f, auto c, auto h, auto w) {
                          return value(f, c, h, w) +
                                 (h == 4 ? 20 * normal(random) : normal(random));
                        })),
              HasSubstr("row 4"));
}

// Every element has its own place, and element_at finds it there.
TEST(Layouts, ElementAtReversesOffset) {
  for (const Misreading& reading : right_readings({5, 7, 11})) {
    const OrientedLayout& layout = reading.memory;
    for (std::int64_t h = 0; h < 5; ++h) {
      for (std::int64_t w = 0; w < 7; ++w) {
        for (std::int64_t c = 0; c < 11; ++c) {
          const auto at = layout.element_at(layout.offset({h, w, c}));
          ASSERT_TRUE(at) << layout.text();
          EXPECT_TRUE(at->h == h && at->w == w && at->c == c) << layout.text();
        }
      }
    }
    EXPECT_FALSE(layout.element_at(padded_element_count(layout.layout())));
  }
}

TEST(DiagnosisFiles, ParametersAndTheirErrors) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    std::ofstream(folder / "q.json") << text;
    return read_params(folder / "q.json");
  };
  const auto good = read(R"([{"name": "a/b", "scale": 0.5, "zero_point": [3]},
                             {"name": "c", "type": "uint16", "scale": [1, 2], "zero_point": [0, 1]}])");
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_EQ(good->at("a_b").scale, std::vector<float>{0.5F});
  EXPECT_EQ(good->at("c").type, DataType::kUint16);
  for (const auto& [text, word] : std::vector<std::pair<std::string, std::string>>{
           {R"([{"name": "a", "scale": 0, "zero_point": 0}])", "scale"},
           {R"([{"name": "a", "scale": [1, 2], "zero_point": 0}])", "zero_point"},
           {R"([{"name": "a", "type": "int3", "scale": 1, "zero_point": 0}])", "type"},
           {"{", "q.json"}}) {
    const auto bad = read(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_THAT(bad.error().text(), HasSubstr("q.json"));
    EXPECT_THAT(bad.error().text(), HasSubstr(word));
  }
}

TEST(DiagnosisFiles, RawFilesNeedTheirSize) {
  const TemporaryFolder folder;
  std::ofstream(folder / "x.bin") << "12345678";
  RawFormats formats;
  formats.types[""] = DataType::kUint16;
  const auto flat = read_tensors(folder / "x.bin", formats);
  ASSERT_TRUE(flat) << flat.error().text();
  EXPECT_EQ(flat->front().values.shape(), Shape{4});
  formats.shapes["x"] = {1, 5};
  const auto bad = read_tensors(folder.path(), formats);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().text(), HasSubstr("has 8 bytes; 1x5 of type uint16 has 10"));
}

}  // namespace
}  // namespace quant
