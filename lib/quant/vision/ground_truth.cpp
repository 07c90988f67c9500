// SPDX-License-Identifier: MIT
#include "quant/vision/ground_truth.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "quant/vision/ground_truth_builder.h"

namespace quant {

namespace fs = std::filesystem;

Result<GroundTruth> GroundTruth::read(const fs::path& path, const ClassNames* classes) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    return fail(ErrorCode::kNotFound, "no such file or folder", path.string());
  if (fs::is_directory(status)) return read_truth_voc(path, classes);
  if (path.extension() == ".csv") return read_truth_csv(path, classes);
  if (path.extension() == ".json") return read_truth_coco(path, classes);
  return fail(ErrorCode::kUnsupported,
              "ground truth is a .csv file, a .json file (COCO) or a folder of .xml files (Pascal "
              "VOC)",
              path.string());
}

const ImageTruth* GroundTruth::find(std::string_view name) const {
  const auto found =
      without_extension_ ? images_.find(fs::path(name).stem().string()) : images_.find(name);
  return found == images_.end() ? nullptr : &found->second;
}

ImageTruth& GroundTruthBuilder::image(std::string_view file) {
  const std::string key = fs::path(file).filename().string();
  const auto [first, is_new] = files_.emplace(key, file);
  ImageTruth& truth = truth_.images_[key];
  if (!is_new && first->second != file && truth.problem.empty())
    truth.problem = fmt::format("{} and {} have the same name", first->second, file);
  return truth;
}

void GroundTruthBuilder::add_problem(std::string_view file, std::string problem) {
  ImageTruth& truth = image(file);
  if (truth.problem.empty()) truth.problem = std::move(problem);
}

Result<int> GroundTruthBuilder::class_of(std::string_view label) const {
  auto by_name = truth_.classes_.index_of(label);
  if (by_name || by_name.error().code != ErrorCode::kNotFound) return by_name;
  int index = 0;
  const char* const end = label.data() + label.size();
  const auto [stop, error] = std::from_chars(label.data(), end, index);
  if (error == std::errc() && stop == end && index >= 0) return index;
  return by_name;
}

Status GroundTruthBuilder::add_label(std::string_view file, std::string_view label) {
  const auto index = class_of(label);
  if (!index && truth_.classes_.size() == 0)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the class '{}' is a name: a list of class names is needed", label));
  if (!index) {
    add_problem(file, index.error().message);
    return {};
  }
  ImageTruth& truth = image(file);
  if (truth.label && *truth.label != *index) {
    add_problem(file, fmt::format("has two labels, {} and {}", *truth.label, *index));
  }
  truth.label = *index;
  return {};
}

Status GroundTruthBuilder::add_box(std::string_view file, const Box& box, std::string_view label,
                                   bool ignored, bool crowd) {
  const auto index = class_of(label);
  if (!index && truth_.classes_.size() == 0)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the class '{}' is a name: a list of class names is needed", label));
  ImageTruth& truth = image(file);
  if (!index) {
    ++truth_.unknown_classes_[std::string(label)];
  } else if (box.area() <= 0) {
    truth.remarks.push_back(fmt::format("a box of {:g} x {:g} pixels was left out",
                                        box.right - box.left, box.bottom - box.top));
  } else {
    truth.boxes.push_back({box, *index, ignored, crowd});
  }
  return {};
}

}  // namespace quant
