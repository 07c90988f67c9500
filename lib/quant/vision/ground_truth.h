// SPDX-License-Identifier: MIT
// What is really on the images: labels or boxes, from the files in which people keep them.
// docs/evaluate.md describes the formats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"
#include "quant/metrics/detection.h"
#include "quant/vision/class_names.h"

namespace quant {

struct ImageTruth {
  std::optional<int> label;     // of the whole image
  std::vector<TruthBox> boxes;  // pixels of the image as it is stored
  // Why there is nothing to compare with: a damaged row, two labels, … Empty: there is.
  std::string problem;
  std::vector<std::string> remarks;  // boxes that were left out, and why
};

class GroundTruth {
 public:
  enum class Kind { kLabels, kBoxes };

  // `path` is
  //   a .csv file   header with `file` and either `x,y,w,h` (and a class) or a class alone
  //   a .json file  COCO
  //   a folder      Pascal VOC, one .xml an image, of the image's name
  // A class is an index, or a name of `classes`; COCO brings names of its own, which serve where
  // `classes` is null. Errors, for what spoils all: a missing or unreadable file, another format, a
  // header that lacks a column, class names without a list of them. Whatever is wrong about one
  // image only is that image's `problem`.
  static Result<GroundTruth> read(const std::filesystem::path& path, const ClassNames* classes);

  Kind kind() const { return kind_; }
  std::size_t size() const { return images_.size(); }
  // `name` without folders. Null where nothing is known about it.
  const ImageTruth* find(std::string_view name) const;
  // Boxes whose class is none of `classes`, by its name; they are in no ImageTruth.
  const std::map<std::string, std::int64_t>& unknown_classes() const { return unknown_classes_; }
  // Empty where neither the caller nor the file has names.
  const ClassNames& classes() const { return classes_; }

 private:
  friend class GroundTruthBuilder;
  GroundTruth() = default;

  Kind kind_ = Kind::kLabels;
  bool without_extension_ = false;  // keys of images_
  std::map<std::string, ImageTruth, std::less<>> images_;
  std::map<std::string, std::int64_t> unknown_classes_;
  ClassNames classes_;
};

}  // namespace quant
