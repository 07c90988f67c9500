// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quant/archive/json_field.h"
#include "quant/base/read_file.h"
#include "quant/tensor/npy.h"

namespace quant {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30U;

std::string name_of(const fs::path& path) {
  std::string stem = path.stem().string();
  constexpr std::string_view kRaw = ".raw";
  if (stem.size() > kRaw.size() && stem.ends_with(kRaw)) stem.resize(stem.size() - kRaw.size());
  return stem;
}

template <typename T>
std::optional<T> entry_of(const std::map<std::string, T>& entries, const std::string& name) {
  auto found = entries.find(name);
  if (found == entries.end()) found = entries.find("");
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

Result<Tensor> read_raw(const fs::path& path, const std::string& name, const RawFormats& formats) {
  QUANT_TRY_ASSIGN(const auto bytes, read_file(path, kMostBytes));
  const DataType type = entry_of(formats.types, name).value_or(DataType::kUint8);
  const auto elements = static_cast<std::int64_t>(bytes.size() / size_of(type));
  const Shape shape = entry_of(formats.shapes, name).value_or(Shape{elements});
  const auto count = checked_element_count(shape);
  if (!count) return fail_with_context(Error(count.error()), path.string());
  if (static_cast<std::uint64_t>(*count) * size_of(type) != bytes.size()) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("has {} bytes; {} of type {} has {}", bytes.size(), to_string(shape),
                            to_string(type), static_cast<std::uint64_t>(*count) * size_of(type)),
                path.string());
  }
  Tensor tensor(type, shape, BufferFill::kUndefined);
  if (!bytes.empty()) std::memcpy(tensor.raw(), bytes.data(), bytes.size());
  return tensor;
}

Result<RecordedTensor> read_tensor(const fs::path& path, const RawFormats& formats) {
  RecordedTensor tensor{name_of(path), {}};
  if (path.extension() == ".npy") {
    QUANT_TRY_ASSIGN(tensor.values, read_npy(path));
  } else {
    QUANT_TRY_ASSIGN(tensor.values, read_raw(path, tensor.name, formats));
  }
  return tensor;
}

Result<std::vector<float>> numbers_of(const JsonField& field) {
  if (auto list = field.numbers()) return list;
  QUANT_TRY_ASSIGN(const float number, field.number());
  return std::vector<float>{number};
}

Result<QuantParams> params_of(const JsonField& field) {
  QuantParams params;
  if (field.has("type")) {
    QUANT_TRY_ASSIGN(const JsonField type, field.at("type"));
    QUANT_TRY_ASSIGN(const std::string text, type.text());
    const auto known = data_type_from_string(text);
    if (!known) return type.wrong("is no type of elements");
    params.type = *known;
  }
  QUANT_TRY_ASSIGN(const JsonField scale, field.at("scale"));
  QUANT_TRY_ASSIGN(params.scale, numbers_of(scale));
  QUANT_TRY_ASSIGN(const JsonField zero_point, field.at("zero_point"));
  QUANT_TRY_ASSIGN(params.zero_point, numbers_of(zero_point));
  const bool good = std::all_of(params.scale.begin(), params.scale.end(),
                                [](float value) { return std::isfinite(value) && value > 0; });
  if (params.scale.empty() || !good)
    return scale.wrong("must be positive (a scale of 0 says that it is unknown)");
  if (params.zero_point.size() != params.scale.size() ||
      !std::all_of(params.zero_point.begin(), params.zero_point.end(),
                   [](float value) { return std::isfinite(value); }))
    return zero_point.wrong("must be finite and as many as scales");
  return params;
}

}  // namespace

Result<std::vector<RecordedTensor>> read_tensors(const fs::path& path, const RawFormats& formats) {
  std::error_code error;
  if (!fs::exists(path, error))
    return fail(ErrorCode::kNotFound, "there is no such file or folder", path.string());
  std::vector<RecordedTensor> tensors;
  if (!fs::is_directory(path, error)) {
    QUANT_TRY_ASSIGN(RecordedTensor tensor, read_tensor(path, formats));
    tensors.push_back(std::move(tensor));
    return tensors;
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const fs::path extension = entry.path().extension();
    if (extension == ".npy" || extension == ".bin") files.push_back(entry.path());
  }
  if (error) return fail(ErrorCode::kIo, error.message(), path.string());
  // NAME.npy before NAME.raw.npy.
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    const std::string first = name_of(a);
    const std::string second = name_of(b);
    if (first != second) return first < second;
    return a.filename().string().size() < b.filename().string().size();
  });
  for (const fs::path& file : files) {
    if (!tensors.empty() && tensors.back().name == name_of(file)) continue;
    QUANT_TRY_ASSIGN(RecordedTensor tensor, read_tensor(file, formats));
    tensors.push_back(std::move(tensor));
  }
  if (tensors.empty())
    return fail(ErrorCode::kNotFound, "has no .npy and no .bin file", path.string());
  return tensors;
}

Result<std::map<std::string, QuantParams>> read_params(const fs::path& path) {
  constexpr std::uint64_t kMostText = std::uint64_t{32} << 20U;
  QUANT_TRY_ASSIGN(const auto bytes, read_file(path, kMostText));
  const auto parse = [&]() -> Result<std::map<std::string, QuantParams>> {
    QUANT_TRY_ASSIGN(const nlohmann::json document, parse_json(bytes));
    QUANT_TRY_ASSIGN(const auto items, JsonField(document).items());
    std::map<std::string, QuantParams> all;
    for (const JsonField& item : items) {
      QUANT_TRY_ASSIGN(const JsonField name, item.at("name"));
      QUANT_TRY_ASSIGN(const std::string text, name.text());
      QUANT_TRY_ASSIGN(QuantParams params, params_of(item));
      all[npy_stem_of(text)] = std::move(params);
    }
    return all;
  };
  auto all = parse();
  if (!all) {
    Error error = std::move(all).error();
    error.context = error.context.empty() ? path.string() : path.string() + ": " + error.context;
    return tl::unexpected(std::move(error));
  }
  return all;
}

}  // namespace quant
