// SPDX-License-Identifier: MIT
// The records that quanttee writes (docs/snr.md), reduced to what the demo shows of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"

namespace quant::demo {

// One output on one frame. Energies as in the record: their ratio is the SNR.
struct OutputRecord {
  std::string name;
  double signal = 0;
  double noise = 0;

  // dB; nothing where the ratio has no finite value (no signal, or identical outputs).
  std::optional<double> snr_db() const;
};

struct Record {
  double seconds = 0;  // presentation time of the frame
  std::string reference;
  bool independent = false;
  std::vector<OutputRecord> outputs;
};

// One line of a record file. InvalidData where it is not such a record.
Result<Record> parse_record(const std::string& line);

// All records of a file, in order.
Result<std::vector<Record>> read_records(const std::string& path);

// Energies of several frames added up, output by output, in the order of the first frame.
class Pool {
 public:
  void add(const Record& record);
  void clear();
  std::size_t frames() const { return frames_; }
  const std::vector<OutputRecord>& outputs() const { return outputs_; }

 private:
  std::size_t frames_ = 0;
  std::vector<OutputRecord> outputs_;
};

}  // namespace quant::demo
