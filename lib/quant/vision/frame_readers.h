// SPDX-License-Identifier: MIT
// The kinds of source behind FrameSource.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "quant/vision/frame_source.h"

namespace quant {

// Image files in the given order. A single file is a list of one. Never fails: items do.
std::unique_ptr<FrameReader> make_image_reader(std::vector<std::filesystem::path> files,
                                               InputSpec spec, FrameOptions options);
// Errors name the file: damaged, another type or shape than `spec` needs.
Result<std::unique_ptr<FrameReader>> make_npy_reader(const std::filesystem::path& file,
                                                     InputSpec spec);
// The same for several files, one after the other. Never fails: a file that make_npy_reader refuses
// is an unreadable item.
std::unique_ptr<FrameReader> make_npy_list_reader(std::vector<std::filesystem::path> files,
                                                  InputSpec spec);
// The inputs of a feature network. Errors name the file: missing, another type or shape than the
// input of its name needs, another number of frames than the other files have.
Result<std::unique_ptr<FrameReader>> make_feature_reader(const std::filesystem::path& path,
                                                         const InputSpec& spec);
// Errors name the file: no video, no frame.
Result<std::unique_ptr<FrameReader>> make_video_reader(const std::filesystem::path& file,
                                                       InputSpec spec, FrameOptions options);

}  // namespace quant
