// SPDX-License-Identifier: MIT
// COCO's annotation file (https://cocodataset.org/#format-data): images, categories, annotations.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/archive/json_field.h"
#include "quant/base/read_file.h"
#include "quant/vision/ground_truth_builder.h"

namespace quant {
namespace {

Result<std::int64_t> id_of(const JsonField& object, const char* name) {
  QUANT_TRY_ASSIGN(const JsonField id, object.at(name));
  return id.integer(std::numeric_limits<std::int64_t>::min(),
                    std::numeric_limits<std::int64_t>::max());
}

Result<std::string> text_of(const JsonField& object, const char* name) {
  QUANT_TRY_ASSIGN(const JsonField text, object.at(name));
  return text.text();
}

// Text by id, of the objects in the array `list`.
Result<std::map<std::int64_t, std::string>> texts_by_id(const JsonField& document, const char* list,
                                                        const char* text) {
  QUANT_TRY_ASSIGN(const JsonField array, document.at(list));
  QUANT_TRY_ASSIGN(const std::vector<JsonField> items, array.items());
  std::map<std::int64_t, std::string> result;
  for (const JsonField& item : items) {
    QUANT_TRY_ASSIGN(const std::int64_t id, id_of(item, "id"));
    QUANT_TRY_ASSIGN(std::string value, text_of(item, text));
    if (value.empty()) return item.wrong(fmt::format("has an empty {}", text));
    if (!result.emplace(id, std::move(value)).second)
      return item.wrong(fmt::format("has the id {} of another one", id));
  }
  return result;
}

// 0 where it is absent.
Result<bool> flag_of(const JsonField& object, const char* name) {
  if (!object.has(name)) return false;
  QUANT_TRY_ASSIGN(const JsonField flag, object.at(name));
  QUANT_TRY_ASSIGN(const std::int64_t value, flag.integer(0, 1));
  return value == 1;
}

// Without a label.
Result<TruthBox> box_of(const JsonField& annotation) {
  QUANT_TRY_ASSIGN(const JsonField bbox, annotation.at("bbox"));
  QUANT_TRY_ASSIGN(const std::vector<float> sides, bbox.numbers());
  const auto is_finite = [](float side) { return std::isfinite(side); };
  if (sides.size() != 4 || !std::all_of(sides.begin(), sides.end(), is_finite))
    return bbox.wrong("is not x, y, width, height");
  TruthBox box;
  box.box = {sides[0], sides[1], double{sides[0]} + sides[2], double{sides[1]} + sides[3]};
  QUANT_TRY_ASSIGN(box.crowd, flag_of(annotation, "iscrowd"));
  QUANT_TRY_ASSIGN(const bool ignore, flag_of(annotation, "ignore"));
  box.ignored = box.crowd || ignore;
  return box;
}

Result<GroundTruth> parse(const nlohmann::json& json, const ClassNames* classes) {
  const JsonField document(json);
  QUANT_TRY_ASSIGN(const auto images, texts_by_id(document, "images", "file_name"));
  QUANT_TRY_ASSIGN(const auto categories, texts_by_id(document, "categories", "name"));
  GroundTruthBuilder builder(GroundTruth::Kind::kBoxes);
  if (classes != nullptr) {
    builder.set_classes(*classes);
  } else {
    // In the order of ids, as models are trained on COCO: its ids have gaps.
    std::vector<std::string> names;
    for (const auto& [id, name] : categories) names.push_back(name);
    builder.set_classes(ClassNames(std::move(names)));
  }
  for (const auto& [id, file] : images) builder.image(file);
  QUANT_TRY_ASSIGN(const JsonField array, document.at("annotations"));
  QUANT_TRY_ASSIGN(const std::vector<JsonField> annotations, array.items());
  for (const JsonField& annotation : annotations) {
    QUANT_TRY_ASSIGN(const std::int64_t image, id_of(annotation, "image_id"));
    QUANT_TRY_ASSIGN(const std::int64_t category, id_of(annotation, "category_id"));
    const auto file = images.find(image);
    if (file == images.end())
      return annotation.wrong(fmt::format("is on image {}, which is not in the list", image));
    const auto label = categories.find(category);
    if (label == categories.end())
      return annotation.wrong(fmt::format("has category {}, which is not in the list", category));
    const auto box = box_of(annotation);
    if (!box) {
      builder.add_problem(file->second, box.error().text());
      continue;
    }
    QUANT_TRY(builder.add_box(file->second, box->box, label->second, box->ignored, box->crowd));
  }
  return builder.take();
}

}  // namespace

Result<GroundTruth> read_truth_coco(const std::filesystem::path& path, const ClassNames* classes) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{32} << 20;  // as parse_json
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxBytes));
  const auto json = parse_json(bytes);
  if (!json) return fail_with_context(json.error(), path.string());
  auto truth = parse(*json, classes);
  // The field's path is the context of an inner error.
  if (!truth) return fail(truth.error().code, truth.error().text(), path.string());
  return truth;
}

}  // namespace quant
