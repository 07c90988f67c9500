// SPDX-License-Identifier: MIT
// What the readers of the formats have in common: classes are looked up, boxes checked, and what is
// wrong about an image is kept with the image.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "quant/vision/ground_truth.h"

namespace quant {

class GroundTruthBuilder {
 public:
  explicit GroundTruthBuilder(GroundTruth::Kind kind) { truth_.kind_ = kind; }

  void set_classes(ClassNames classes) { truth_.classes_ = std::move(classes); }
  void match_without_extension() { truth_.without_extension_ = true; }

  // An image is known from here on, if only that nothing is on it. `file` may have folders; two
  // files of the same name in different folders are a problem of both.
  ImageTruth& image(std::string_view file);
  // The first problem stays.
  void add_problem(std::string_view file, std::string problem);
  // `label` is the name of a class or, where no class has that name, its index. InvalidArgument
  // where it is a name and there is no list of classes.
  Status add_label(std::string_view file, std::string_view label);
  // A box without an area or of a class that is not in the list is left out and noted.
  // Precondition: finite corners.
  Status add_box(std::string_view file, const Box& box, std::string_view label, bool ignored,
                 bool crowd);

  GroundTruth take() { return std::move(truth_); }

 private:
  Result<int> class_of(std::string_view label) const;

  GroundTruth truth_;
  std::map<std::string, std::string> files_;  // as first named, by key
};

// The formats; errors name the file. `classes` may be null.
Result<GroundTruth> read_truth_csv(const std::filesystem::path& path, const ClassNames* classes);
Result<GroundTruth> read_truth_coco(const std::filesystem::path& path, const ClassNames* classes);
Result<GroundTruth> read_truth_voc(const std::filesystem::path& folder, const ClassNames* classes);

}  // namespace quant
