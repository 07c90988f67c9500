// SPDX-License-Identifier: MIT
// CSV: a header, then a row for each box or for each labelled image.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "quant/base/parse_number.h"
#include "quant/base/read_file.h"
#include "quant/vision/ground_truth_builder.h"

namespace quant {
namespace {

using Row = std::vector<std::string>;

// The fields of the next row (RFC 4180: a field in quotes may hold commas, line ends and, doubled,
// quotes), which is taken off `rest`. `lines` grows by the lines it spans.
Row next_row(std::string_view& rest, std::size_t& lines) {
  Row row(1);
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '\n') ++lines;
    if (quoted) {
      if (c != '"') {
        row.back() += c;
      } else if (i + 1 < rest.size() && rest[i + 1] == '"') {
        row.back() += rest[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && row.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      row.emplace_back();
    } else if (c == '\n') {
      ++i;
      break;
    } else if (c != '\r') {
      row.back() += c;
    }
  }
  rest.remove_prefix(i);
  return row;
}

std::optional<std::size_t> column(const Row& header, std::string_view name) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

struct Columns {
  std::size_t file = 0;
  std::optional<std::array<std::size_t, 4>> box;  // x, y, w, h
  std::optional<std::size_t> label;
};

Result<Columns> columns_of(const Row& header) {
  Columns columns;
  const auto file = column(header, "file");
  if (!file) return fail(ErrorCode::kInvalidData, "its first line names no column 'file'");
  columns.file = *file;
  for (const char* const name : {"class_index", "label", "class", "class_name"})
    if (!columns.label) columns.label = column(header, name);
  constexpr std::array<const char*, 4> kSides = {"x", "y", "w", "h"};
  std::array<std::size_t, 4> box = {};
  std::size_t found = 0;
  for (std::size_t i = 0; i < kSides.size(); ++i) {
    const auto side = column(header, kSides[i]);
    if (!side) continue;
    box[i] = *side;
    ++found;
  }
  if (found == kSides.size()) {
    columns.box = box;
  } else if (found > 0) {
    return fail(ErrorCode::kInvalidData, "a box has the four columns x, y, w, h");
  } else if (!columns.label) {
    return fail(ErrorCode::kInvalidData,
                "its first line names neither the columns x, y, w, h nor a column 'label'");
  }
  return columns;
}

Status add_box(GroundTruthBuilder& builder, const Row& row, const Columns& columns,
               std::size_t line) {
  const std::string& file = row[columns.file];
  const auto is_empty = [&row](std::size_t i) { return row[i].empty(); };
  if (std::all_of(columns.box->begin(), columns.box->end(), is_empty)) {
    builder.image(file);
    return {};
  }
  std::array<double, 4> sides = {};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const std::string& text = row[(*columns.box)[i]];
    const auto value = parse_number(text);
    if (!value) {
      builder.add_problem(file, fmt::format("line {}: '{}' is no number", line, text));
      return {};
    }
    sides[i] = *value;
  }
  if (columns.label && row[*columns.label].empty()) {
    builder.add_problem(file, fmt::format("line {}: the label is empty", line));
    return {};
  }
  const auto [x, y, w, h] = sides;
  return builder.add_box(file, {x, y, x + w, y + h},
                         columns.label ? std::string_view(row[*columns.label]) : "0", false, false);
}

Result<GroundTruth> parse(std::string_view text, const ClassNames* classes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::size_t lines = 0;
  const Row header = next_row(text, lines);
  QUANT_TRY_ASSIGN(const Columns columns, columns_of(header));
  GroundTruthBuilder builder(columns.box ? GroundTruth::Kind::kBoxes : GroundTruth::Kind::kLabels);
  if (classes != nullptr) builder.set_classes(*classes);
  while (!text.empty()) {
    const std::size_t line = lines + 1;
    const Row row = next_row(text, lines);
    if (row.size() == 1 && row.front().empty()) continue;
    if (columns.file >= row.size() || row[columns.file].empty())
      return fail(ErrorCode::kInvalidData, fmt::format("line {} names no file", line));
    const std::string& file = row[columns.file];
    if (row.size() != header.size()) {
      builder.add_problem(file, fmt::format("line {} has {} fields, the first line {}", line,
                                            row.size(), header.size()));
    } else if (columns.box) {
      QUANT_TRY(add_box(builder, row, columns, line));
    } else if (row[*columns.label].empty()) {
      builder.add_problem(file, fmt::format("line {}: the label is empty", line));
    } else {
      QUANT_TRY(builder.add_label(file, row[*columns.label]));
    }
  }
  return builder.take();
}

}  // namespace

Result<GroundTruth> read_truth_csv(const std::filesystem::path& path, const ClassNames* classes) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20;
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxBytes));
  auto truth = parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, classes);
  if (!truth) return fail_with_context(std::move(truth).error(), path.string());
  return truth;
}

}  // namespace quant
