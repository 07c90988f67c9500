#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A module of lib/quant includes only itself and the modules below it, and lib/quant knows neither GLib
nor GStreamer. docs/architecture.md names the same modules in the same order.

usage: include_direction_test.py SOURCE_ROOT
"""

import pathlib
import re
import sys

# Lowest first.
MODULES = ["base", "tensor", "device", "hef", "metrics", "arithmetic", "kernels", "graph", "onnx", "script", "passes",
           "engine", "optimize", "archive", "vision", "backend", "analyze"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
FORBIDDEN = re.compile(r"^(gst/|glib|gobject|gio/)")
DECLARED = re.compile(r"MODULES\s+([a-z_\s]+?)(?:\n\s*LIBRARIES|\))")


def allowed(module, other):
    return other in MODULES and MODULES.index(other) <= MODULES.index(module)


def problems_of_source(module, name, text):
    for include in INCLUDE.findall(text):
        if FORBIDDEN.match(include):
            yield f"{name} includes {include}: lib/quant includes neither GLib nor GStreamer"
        parts = include.split("/")
        if parts[0] == "quant" and len(parts) > 2 and not allowed(module, parts[1]):
            yield f"{name} includes {include}: {module} lies below {parts[1]}"


def problems_of_cmake(module, name, text):
    for modules in DECLARED.findall(text):
        for other in modules.split():
            if not allowed(module, other):
                yield f"{name} uses {other}: {module} lies below it"


def problems_of_tree(root):
    library = root / "lib" / "quant"
    for module in sorted(p.name for p in library.iterdir() if p.is_dir()):
        if module not in MODULES:
            yield f"lib/quant/{module} is in no place of the order: name it in {pathlib.Path(__file__).name}"
            continue
        for path in sorted((library / module).rglob("*")):
            name = str(path.relative_to(root))
            if path.suffix in (".h", ".cpp", ".c"):
                yield from problems_of_source(module, name, path.read_text(encoding="utf-8"))
            elif path.name == "CMakeLists.txt":
                yield from problems_of_cmake(module, name, path.read_text(encoding="utf-8"))
    pages = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = pages.partition("## Modules of lib/quant")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE)
    present = [m for m in MODULES if any((library / m).glob("*.h"))]
    if [m for m in listed if m in present] != present:
        yield f"docs/architecture.md lists {listed}, the tree has {present}"


def self_check():
    """The rules see what they are for."""
    assert list(problems_of_source("tensor", "x", '#include "quant/engine/plan.h"\n'))
    assert list(problems_of_source("engine", "x", "#include <gst/gst.h>\n"))
    assert list(problems_of_cmake("base", "x", "quant_module(base MODULES engine)"))
    assert not list(problems_of_source("engine", "x", '#include "quant/tensor/shape.h"\n#include <vector>'))


def main():
    self_check()
    problems = list(problems_of_tree(pathlib.Path(sys.argv[1])))
    for problem in problems:
        print(problem)
    print(f"include direction: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
