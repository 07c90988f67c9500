// SPDX-License-Identifier: MIT
#include "quant/optimize/weight_rounding.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace quant {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

double to_level(double value, double most) {
  return std::clamp(std::nearbyint(value), -most, most);
}

std::vector<Index> by_variance(const MatrixXd& covariance) {
  std::vector<Index> order(static_cast<std::size_t>(covariance.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return covariance(a, a) > covariance(b, b); });
  return order;
}

// With H = U·D·Uᵀ, U upper triangular with ones on its diagonal, the error energy of a row e is the
// sum over j of D(j)·(e(j) + Σ e(i)·U(i, j) over i < j)²: column j of U says what column j of the
// row had better make up for. U is the Cholesky factor of H read backwards, its columns scaled.
MatrixXd feedback_of(const MatrixXd& covariance, const std::vector<Index>& order) {
  const Index depth = covariance.rows();
  // Inputs that hardly ever vary, or vary together, say nothing reliable.
  constexpr double kDamping = 0.01;
  const double damping = kDamping * covariance.trace() / static_cast<double>(depth);
  MatrixXd backwards(depth, depth);
  for (Index i = 0; i < depth; ++i) {
    for (Index j = 0; j < depth; ++j)
      backwards(depth - 1 - i, depth - 1 - j) =
          covariance(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
  }
  backwards.diagonal().array() += damping;
  // In place.
  const Eigen::LLT<Eigen::Ref<MatrixXd>> factors(backwards);
  for (Index j = 0; j < depth; ++j) {
    const double diagonal = backwards(j, j);
    backwards.col(j) /= diagonal;
  }
  return backwards.reverse();
}

// eᵀ·C·e of every row.
Eigen::VectorXd energies(const MatrixXd& errors, const MatrixXd& covariance) {
  return (errors * covariance).cwiseProduct(errors).rowwise().sum();
}

// Inputs that never vary.
bool says_nothing(const Covariance& covariance) { return !(covariance.trace() > 0); }

}  // namespace

MatrixXd fit_rows(const MatrixXd& rows, const Covariance& covariance, const MatrixXd& missing) {
  if (says_nothing(covariance)) return rows;
  // Little: even what hardly varies tells noise from signal.
  constexpr double kDamping = 1e-4;
  MatrixXd damped = covariance;
  damped.diagonal().array() += kDamping * damped.trace() / static_cast<double>(damped.rows());
  const Eigen::LLT<Eigen::Ref<MatrixXd>> factors(damped);
  const MatrixXd wanted = rows * missing;
  return rows + factors.solve(wanted.transpose()).transpose();
}

RowRounding::RowRounding(Covariance covariance) : covariance_(std::move(covariance)) {
  if (says_nothing(covariance_)) return;
  order_ = by_variance(covariance_);
  feedback_ = feedback_of(covariance_, order_);
}

MatrixXd RowRounding::round(const MatrixXd& targets, double most, const MatrixXd& steps) const {
  const auto nearest = [most](double value) { return to_level(value, most); };
  const auto nearest_step = [most](double value, double step) {
    return step * to_level(value / step, most);
  };
  MatrixXd plain = steps.size() == 0 ? MatrixXd(targets.unaryExpr(nearest))
                                     : MatrixXd(targets.binaryExpr(steps, nearest_step));
  if (says_nothing(covariance_)) return plain;
  const Index depth = covariance_.rows();
  MatrixXd wanted(targets.rows(), depth);
  for (Index j = 0; j < depth; ++j)
    wanted.col(j) = targets.col(order_[static_cast<std::size_t>(j)]);
  MatrixXd rounded(targets.rows(), depth);
  // In blocks, so that most of the work is a matrix product.
  constexpr Index kBlock = 64;
  for (Index first = 0; first < depth; first += kBlock) {
    const Index size = std::min(kBlock, depth - first);
    MatrixXd errors(targets.rows(), size);
    for (Index i = 0; i < size; ++i) {
      const Index j = first + i;
      const Index column = order_[static_cast<std::size_t>(j)];
      if (steps.size() == 0)
        rounded.col(column) = wanted.col(j).unaryExpr(nearest);
      else
        rounded.col(column) = wanted.col(j).binaryExpr(steps.col(column), nearest_step);
      errors.col(i) = targets.col(column) - rounded.col(column);
      wanted.middleCols(j + 1, size - i - 1) +=
          errors.col(i) * feedback_.row(j).segment(j + 1, size - i - 1);
    }
    const Index behind = depth - first - size;
    wanted.rightCols(behind) += errors * feedback_.block(first, first + size, size, behind);
  }
  const Eigen::VectorXd found = energies(rounded - targets, covariance_);
  const Eigen::VectorXd otherwise = energies(plain - targets, covariance_);
  for (Index row = 0; row < targets.rows(); ++row) {
    if (!(found(row) < otherwise(row))) rounded.row(row) = plain.row(row);
  }
  return rounded;
}

}  // namespace quant
