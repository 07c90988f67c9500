// SPDX-License-Identifier: MIT
// A LadderReport for people (a fixed-width table) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/analyze/ladder.h"

namespace quant {

// One block an output: its rungs with SNR in dB, cosine, maximum and mean absolute difference and
// the worst frame, the step that loses most, then the first values of each context. ASCII, at most
// 100 columns unless names are longer.
std::string to_text(const LadderReport& report);

// On which step most of the output's noise arises, as one sentence without a full stop.
std::string loss_sentence(const LadderReport& report, const OutputLadder& output);

// {"contexts": […], "frames": n, "outputs": [{"name", "type", "shape", "first_values": {context:
// […]}, "loss": loss_sentence, "rungs": [{"from", "to", "frames", the fields of
// to_json(OutputError), and where they apply "worst":
// {"frame", "snr_db", "state"}, "skipped", "skip_reason", "top1_agreement", "softmax_overlap"}]}]}.
// Values that are not finite are null.
nlohmann::ordered_json to_json(const LadderReport& report);

}  // namespace quant
