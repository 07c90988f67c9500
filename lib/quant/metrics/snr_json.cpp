// SPDX-License-Identifier: MIT
// OutputError → JSON.
#include "quant/metrics/snr_json.h"

namespace quant {

nlohmann::ordered_json to_json(const OutputError& error) {
  using Json = nlohmann::ordered_json;
  const Snr snr = error.snr();
  const std::optional<double> cosine = error.cosine();
  Json json;
  json["snr_db"] = snr.state == SnrState::kOk ? Json(snr.db) : Json();
  json["state"] = to_string(snr.state);
  if (snr.state == SnrState::kUndefined) json["reason"] = to_string(snr.reason);
  if (error.non_finite > 0) json["non_finite"] = error.non_finite;
  json["signal"] = error.signal;
  json["noise"] = error.noise;
  json["mse"] = error.mse();
  json["max_abs"] = error.max_abs;
  json["mean_abs"] = error.mean_abs();
  json["bias"] = error.bias();
  json["cosine"] = cosine ? Json(*cosine) : Json();
  return json;
}

}  // namespace quant
