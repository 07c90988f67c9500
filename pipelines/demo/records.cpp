// SPDX-License-Identifier: MIT
// The records that quanttee writes, reduced to what the demo shows of them.
#include "records.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace quant::demo {

std::optional<double> OutputRecord::snr_db() const {
  if (!(signal > 0) || !(noise > 0)) return std::nullopt;
  return 10 * std::log10(signal / noise);
}

Result<Record> parse_record(const std::string& line) {
  try {
    const auto json = nlohmann::json::parse(line);
    Record record;
    const auto& pts = json.at("pts");
    record.seconds = pts.is_null() ? 0 : pts.get<double>() * 1e-9;
    record.reference = json.at("reference").get<std::string>();
    record.independent = json.at("independent").get<bool>();
    for (const auto& output : json.at("outputs")) {
      record.outputs.push_back({output.at("name").get<std::string>(),
                                output.at("signal").get<double>(),
                                output.at("noise").get<double>()});
    }
    return record;
  } catch (const nlohmann::json::exception& e) {
    return fail(ErrorCode::kInvalidData, std::string("not an SNR record: ") + e.what());
  }
}

Result<std::vector<Record>> read_records(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorCode::kNotFound, "the file cannot be opened", path);
  std::vector<Record> records;
  std::string line;
  while (std::getline(file, line)) {
    auto record = parse_record(line);
    if (!record) return fail_with_context(record.error(), path);
    records.push_back(std::move(*record));
  }
  if (records.empty()) return fail(ErrorCode::kInvalidData, "the file holds no records", path);
  return records;
}

void Pool::add(const Record& record) {
  ++frames_;
  if (outputs_.empty()) {
    outputs_ = record.outputs;
    return;
  }
  for (std::size_t i = 0; i < outputs_.size() && i < record.outputs.size(); ++i) {
    outputs_[i].signal += record.outputs[i].signal;
    outputs_[i].noise += record.outputs[i].noise;
  }
}

void Pool::clear() {
  frames_ = 0;
  outputs_.clear();
}

}  // namespace quant::demo
