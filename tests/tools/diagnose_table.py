#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how often diagnose finds what was planted, and what it takes it for; --write puts that into docs/diagnose.md.

usage: GST_QUANT_BIN=… GST_QUANT_DATA=… GST_QUANT_MODELS=… diagnose_table.py [--pairs all|N] [--write docs/diagnose.md]
All pairs take half an hour to an hour of two cores.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import sys
import tempfile

import numpy

from diagnose_cases import NETWORKS
from planted_faults import FAULTS, UNRELATED, pairs

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def named(ids):
    return frozenset(filter(None, ids.split(" + ")))


def judge(network, faults):
    """Per output in which the faults show: (planted, named first, whether the planted is among what cannot be told apart)."""
    visible = {name: frozenset(FAULTS[fault][0] for fault in faults if name in network.visible(fault)) for name in
               network.sets([])[0][""]}
    if not any(len(seen) == len(faults) for seen in visible.values()):
        return []
    said = network.planted(faults)
    judged = []
    for name, planted in visible.items():
        verdict, ids, candidates = said[name]
        if len(planted) < len(faults):
            continue
        judged.append((name, planted, named(ids) if verdict == "explained" else frozenset([verdict]),
                       planted in [named(candidate) for candidate in candidates]))
    return judged


def selected_pairs(count, seed=1):
    everything = list(pairs())
    if count is None or count >= len(everything):
        return everything
    chosen = numpy.random.default_rng(seed).permutation(len(everything))[:count]
    return [everything[i] for i in sorted(chosen)]


class Measurement:
    def __init__(self, chosen_pairs):
        self.chosen_pairs = chosen_pairs
        self.singles = collections.defaultdict(lambda: [0, 0, 0])  # by fault: first, tied, of
        self.pairs = [0, 0, 0]
        self.missed_pairs = collections.Counter()
        self.confused = collections.defaultdict(collections.Counter)
        self.unrelated = collections.defaultdict(lambda: [0, 0, collections.Counter()])

    def add_single(self, fault, judged):
        for _, planted, first, among in judged:
            entry = self.singles[fault]
            entry[0] += first == planted
            entry[1] += among
            entry[2] += 1
            self.confused[" + ".join(sorted(planted))][" + ".join(sorted(first))] += 1

    def add_pair(self, judged):
        for _, planted, first, among in judged:
            self.pairs[0] += first == planted
            self.pairs[1] += among
            self.pairs[2] += 1
            if not among:
                self.missed_pairs[(" + ".join(sorted(planted)), " + ".join(sorted(first)))] += 1

    def add_unrelated(self, name, said):
        entry = self.unrelated[name]
        for verdict, ids, _ in said.values():
            entry[1] += 1
            entry[0] += verdict == "none of these"
            if verdict != "none of these":
                entry[2][ids or verdict] += 1

    def text(self):
        lines = [f"{len(FAULTS)} single faults and {self.chosen_pairs} of {len(list(pairs()))} pairs on {', '.join(NETWORKS)}; one count is one "
                 "output in which the fault can be seen.", "",
                 "| planted | named first | named, or among those that cannot be told apart | of |", "|---|---|---|---|"]
        for fault, (first, among, of) in self.singles.items():
            lines.append(f"| {fault} | {first} | {among} | {of} |")
        totals = [sum(entry[i] for entry in self.singles.values()) for i in range(3)]
        lines += [f"| **all single faults** | {totals[0]} | {totals[1]} | {totals[2]} |",
                  f"| **pairs** | {self.pairs[0]} | {self.pairs[1]} | {self.pairs[2]} |", "",
                  "What single faults were taken for, where not for themselves:", "", "| planted | named | times |", "|---|---|---|"]
        if all(set(counts) == {planted} for planted, counts in self.confused.items()):
            lines.append("| (none) | | |")
        for planted, counts in self.confused.items():
            for first, times in counts.most_common():
                if first != planted:
                    lines.append(f"| {planted} | {first} | {times} |")
        lines += ["", "Pairs, the commonest mistakes:", "", "| planted | named | times |", "|---|---|---|"]
        for (planted, first), times in self.missed_pairs.most_common(15):
            lines.append(f"| {planted} | {first} | {times} |")
        lines += ["", "| unrelated perturbation | \"none of these\" | of | else |", "|---|---|---|---|"]
        for name, (none, of, others) in self.unrelated.items():
            lines.append(f"| {name} | {none} | {of} | {', '.join(f'{what} ({times})' for what, times in others.items())} |")
        return "\n".join(lines)


def measured(folder, name, chosen):
    """Everything of one network: singles, unrelated perturbations, pairs."""
    network = NETWORKS[name](folder, name)
    singles = [(fault, judge(network, [fault])) for fault in FAULTS]
    print(name, "singles", file=sys.stderr, flush=True)
    unrelated = [(what, network.unrelated(what)) for what in UNRELATED]
    print(name, "unrelated", file=sys.stderr, flush=True)
    together = []
    for i, pair in enumerate(chosen):
        together.append(judge(network, pair))
        if i % 20 == 19:
            print(name, "pairs", i + 1, file=sys.stderr, flush=True)
    return singles, unrelated, together


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", default="all")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    chosen = selected_pairs(None if options.pairs == "all" else int(options.pairs))
    measurement = Measurement(len(chosen))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor() as pool:
        for singles, unrelated, together in pool.map(lambda name: measured(folder, name, chosen), NETWORKS):
            for fault, judged in singles:
                measurement.add_single(fault, judged)
            for name, said in unrelated:
                measurement.add_unrelated(name, said)
            for judged in together:
                measurement.add_pair(judged)
    print(measurement.text())
    if options.write:
        text = options.write.read_text()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        options.write.write_text(f"{before}{BEGIN}\n{measurement.text()}\n{END}{after}")


if __name__ == "__main__":
    main()
