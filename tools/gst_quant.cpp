// SPDX-License-Identifier: MIT
// gst-quant: the command line. Arguments in, text out; the work is in lib/quant.
#include <cstdio>
#include <new>

#include "command.h"
#include "quant/base/version.h"

// What is thrown before the arguments are read is a mistake in what follows.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  CLI::App app{
      "Quantizes ONNX networks, runs them bit-exactly, and says how much accuracy that costs."};
  app.name("gst-quant");
  app.set_version_flag("--version", std::string("gst-quant ") + quant::version());
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  gst-quant optimize face.onnx --calib photos/ --color rgb --mean 127 --std 128 --output "
      "face.qar\n"
      "  gst-quant compare face.qar --data other-photos/\n"
      "  gst-quant COMMAND --help");
  quant::Status status;
  quant::tool::add_optimize(app, status);
  quant::tool::add_inspect(app, status);
  quant::tool::add_run(app, status);
  quant::tool::add_compare(app, status);
  quant::tool::add_diagnose(app, status);
  quant::tool::add_evaluate(app, status);
  quant::tool::add_analyze(app, status);
  quant::tool::add_bench(app, status);
  quant::tool::add_export(app, status);
  quant::tool::add_script(app, status);
  quant::tool::add_check(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : quant::tool::kExitUsage;
  } catch (const std::bad_alloc&) {
    std::fputs("gst-quant: there is not enough memory for this\n", stderr);
    return quant::tool::kExitFailed;
  }
  if (!status) {
    std::fprintf(stderr, "gst-quant: %s\n", status.error().text().c_str());
    return quant::tool::kExitFailed;
  }
  return 0;
}
