// SPDX-License-Identifier: MIT
// The figures of one output as the JSON fields that every record and report uses (docs/snr.md).
#pragma once

#include <nlohmann/json.hpp>

#include "quant/metrics/snr.h"

namespace quant {

// {"snr_db", "state", "signal", "noise", "mse", "max_abs", "mean_abs", "bias", "cosine"}; "reason"
// as well where the state is undefined, "non_finite" (a count) where there were any. JSON has
// neither infinity nor NaN: snr_db is null unless the state is "ok", cosine is null where it is not
// defined.
nlohmann::ordered_json to_json(const OutputError& error);

}  // namespace quant
