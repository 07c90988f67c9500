// SPDX-License-Identifier: MIT
#include "quant/base/version.h"

namespace quant {

const char* version() { return GST_QUANT_VERSION; }

}  // namespace quant
