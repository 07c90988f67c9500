// SPDX-License-Identifier: MIT
// Against trying every way of rounding up and down.
#include "quant/optimize/weight_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace quant {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;

MatrixXd random_matrix(Index rows, Index columns, double magnitude, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-magnitude, magnitude);
  MatrixXd result(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) result(i, j) = uniform(random);
  }
  return result;
}

// Of neighbours that are alike, as pixels are.
MatrixXd smooth_covariance(Index depth, unsigned seed) {
  MatrixXd vectors = random_matrix(400, depth, 1, seed);
  for (Index j = 1; j < depth; ++j)
    vectors.col(j) = 0.9 * vectors.col(j - 1) + 0.3 * vectors.col(j);
  return vectors.transpose() * vectors / 400;
}

double energy(const RowVectorXd& error, const MatrixXd& covariance) {
  return (error * covariance * error.transpose()).value();
}

double nearest_energy(const RowVectorXd& targets, const MatrixXd& covariance) {
  RowVectorXd error(targets.size());
  for (Index i = 0; i < targets.size(); ++i) error(i) = std::nearbyint(targets(i)) - targets(i);
  return energy(error, covariance);
}

double least_energy(const RowVectorXd& targets, const MatrixXd& covariance) {
  double least = nearest_energy(targets, covariance);
  for (unsigned choice = 0; choice < 1U << targets.size(); ++choice) {
    RowVectorXd error(targets.size());
    for (Index i = 0; i < targets.size(); ++i)
      error(i) = std::floor(targets(i)) + (choice >> i & 1U) - targets(i);
    least = std::min(least, energy(error, covariance));
  }
  return least;
}

TEST(WeightRounding, LiesBetweenTheNearestAndTheBest) {
  double nearest = 0;
  double found = 0;
  double best = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const MatrixXd covariance = smooth_covariance(9, seed);
    const MatrixXd targets = random_matrix(4, 9, 6, 100 + seed);
    const MatrixXd rounded = RowRounding(covariance).round(targets, 127);
    for (Index row = 0; row < targets.rows(); ++row) {
      const double here = energy(rounded.row(row) - targets.row(row), covariance);
      EXPECT_LE(here, nearest_energy(targets.row(row), covariance));
      nearest += nearest_energy(targets.row(row), covariance);
      found += here;
      best += least_energy(targets.row(row), covariance);
    }
  }
  // Most of what can be had: the greedy way is no search.
  EXPECT_LT(found, 0.4 * nearest);
  EXPECT_LT(best, found);
}

// Vectors that a layer was made for, and what it reads in their place.
struct Pairs {
  MatrixXd wanted;
  MatrixXd read;

  MatrixXd covariance() const { return read.transpose() * read / static_cast<double>(read.rows()); }
  MatrixXd missing() const {
    return (wanted - read).transpose() * read / static_cast<double>(read.rows());
  }
  double error(const MatrixXd& made, const MatrixXd& used) const {
    return (wanted * made.transpose() - read * used.transpose()).squaredNorm();
  }
};

Pairs noisy_pairs(unsigned seed) {
  constexpr Index kDepth = 12;
  MatrixXd wanted = random_matrix(4000, kDepth, 1, seed);
  for (Index j = 1; j < kDepth; ++j) wanted.col(j) = 0.95 * wanted.col(j - 1) + 0.1 * wanted.col(j);
  return {wanted, wanted + random_matrix(4000, kDepth, 0.4, seed + 1)};
}

TEST(WeightFit, LeavesNoErrorThatTheInputsTellOf) {
  const Pairs pairs = noisy_pairs(1);
  const MatrixXd rows = random_matrix(5, 12, 6, 3);
  const MatrixXd fitted = fit_rows(rows, pairs.covariance(), pairs.missing());
  const MatrixXd left = pairs.wanted * rows.transpose() - pairs.read * fitted.transpose();
  const MatrixXd told = left.transpose() * pairs.read / 4000;
  const MatrixXd told_before = rows * pairs.missing();
  EXPECT_LT(told.norm(), 0.01 * told_before.norm());
}

TEST(WeightFit, HoldsOnVectorsThatItWasNotMadeOf) {
  const Pairs pairs = noisy_pairs(1);
  const Pairs others = noisy_pairs(50);
  const MatrixXd rows = random_matrix(5, 12, 6, 3);
  const MatrixXd fitted = fit_rows(rows, pairs.covariance(), pairs.missing());
  EXPECT_LT(others.error(rows, fitted), 0.5 * others.error(rows, rows));
}

TEST(WeightFit, UndoesAScale) {
  Pairs pairs = noisy_pairs(1);
  pairs.read = 0.8 * pairs.wanted;
  const MatrixXd rows = random_matrix(5, 12, 6, 3);
  const MatrixXd fitted = fit_rows(rows, pairs.covariance(), pairs.missing());
  EXPECT_LT(pairs.error(rows, fitted), 1e-4 * pairs.error(rows, rows));
}

TEST(WeightFit, LeavesRowsThatReadWhatTheyWereMadeFor) {
  const MatrixXd rows = random_matrix(5, 12, 6, 3);
  const MatrixXd nothing = MatrixXd::Zero(12, 12);
  EXPECT_EQ(fit_rows(rows, smooth_covariance(12, 4), nothing), rows);
  EXPECT_EQ(fit_rows(rows, nothing, smooth_covariance(12, 4)), rows);
}

TEST(WeightRounding, IntegersWithinTheirBounds) {
  const MatrixXd targets = random_matrix(8, 70, 9, 3);  // more columns than one block
  const MatrixXd rounded = RowRounding(smooth_covariance(70, 4)).round(targets, 7);
  for (Index i = 0; i < rounded.size(); ++i) {
    EXPECT_EQ(rounded.data()[i], std::nearbyint(rounded.data()[i]));
    EXPECT_LE(std::abs(rounded.data()[i]), 7);
  }
}

TEST(WeightRounding, InputsThatNeverVarySayNothing) {
  const MatrixXd targets = random_matrix(3, 5, 6, 5);
  const MatrixXd rounded = RowRounding(MatrixXd::Zero(5, 5)).round(targets, 127);
  for (Index i = 0; i < rounded.size(); ++i)
    EXPECT_EQ(rounded.data()[i], std::nearbyint(targets.data()[i]));
}

TEST(WeightRounding, InputsThatVaryTogetherAreRoundedTogether) {
  // One column repeated: only the sum of the errors counts, which one step can keep within a half.
  const MatrixXd covariance = MatrixXd::Ones(6, 6);
  const MatrixXd targets = MatrixXd::Constant(1, 6, 3.4);
  const MatrixXd rounded = RowRounding(covariance).round(targets, 127);
  EXPECT_LE(std::abs((rounded - targets).sum()), 0.5 + 1e-9);
  EXPECT_NEAR(6 * 0.4, std::sqrt(nearest_energy(targets.row(0), covariance)), 1e-9);
}

}  // namespace
}  // namespace quant
