// SPDX-License-Identifier: MIT
// Pascal VOC: one XML file an image. Corners are whole pixels counted from 1, both inside the box.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <system_error>

#include "quant/base/parse_number.h"
#include "quant/base/read_file.h"
#include "quant/vision/ground_truth_builder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;

Status add_object(GroundTruthBuilder& builder, const std::string& image,
                  const pugi::xml_node& object) {
  const std::string label = object.child("name").text().as_string();
  if (label.empty()) {
    builder.add_problem(image, "an object has no name");
    return {};
  }
  constexpr std::array<const char*, 4> kSides = {"xmin", "ymin", "xmax", "ymax"};
  std::array<double, 4> sides = {};
  for (std::size_t i = 0; i < kSides.size(); ++i) {
    const auto value = parse_number(object.child("bndbox").child_value(kSides[i]));
    if (!value) {
      builder.add_problem(image,
                          fmt::format("the {} of a box of '{}' is no number", kSides[i], label));
      return {};
    }
    sides[i] = *value;
  }
  const auto [left, top, right, bottom] = sides;
  const bool difficult = object.child("difficult").text().as_bool();
  return builder.add_box(image, {left - 1, top - 1, right, bottom}, label, difficult, false);
}

Status add_file(GroundTruthBuilder& builder, const fs::path& path) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20;
  const std::string image = path.stem().string();
  builder.image(image);
  const auto bytes = read_file(path, kMaxBytes);
  if (!bytes) {
    builder.add_problem(image, bytes.error().text());
    return {};
  }
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(bytes->data(), bytes->size());
  const pugi::xml_node annotation = document.child("annotation");
  if (!parsed || !annotation) {
    builder.add_problem(image, parsed ? fmt::format("{} has no <annotation>", path.string())
                                      : fmt::format("{}, byte {}: {}", path.string(), parsed.offset,
                                                    parsed.description()));
    return {};
  }
  for (const pugi::xml_node& object : annotation.children("object"))
    QUANT_TRY(add_object(builder, image, object));
  return {};
}

}  // namespace

Result<GroundTruth> read_truth_voc(const fs::path& folder, const ClassNames* classes) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->path().extension() == ".xml") files.push_back(entry->path());
  if (error) return fail(ErrorCode::kIo, error.message(), folder.string());
  if (files.empty())
    return fail(ErrorCode::kNotFound, "the folder holds no .xml file (Pascal VOC)",
                folder.string());
  std::sort(files.begin(), files.end());
  GroundTruthBuilder builder(GroundTruth::Kind::kBoxes);
  builder.match_without_extension();
  if (classes != nullptr) builder.set_classes(*classes);
  for (const fs::path& file : files)
    if (auto status = add_file(builder, file); !status)
      return fail_with_context(std::move(status).error(), file.string());
  return builder.take();
}

}  // namespace quant
