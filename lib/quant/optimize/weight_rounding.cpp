// SPDX-License-Identifier: MIT
#include "quant/optimize/weight_rounding.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>
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

// Upper triangular U with Uᵀ·U = H⁻¹: its row j says how what is left of column j's error is spread
// over the columns behind, the ones before being settled.
MatrixXd spread_of(const MatrixXd& covariance, const std::vector<Index>& order) {
  const Index depth = covariance.rows();
  // Inputs that hardly ever vary, or vary together, say nothing reliable.
  constexpr double kDamping = 0.01;
  const double mean = covariance.trace() / static_cast<double>(depth);
  MatrixXd hessian(depth, depth);
  for (Index i = 0; i < depth; ++i) {
    for (Index j = 0; j < depth; ++j)
      hessian(i, j) =
          covariance(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
    hessian(i, i) += kDamping * mean;
  }
  const MatrixXd inverse = hessian.llt().solve(MatrixXd::Identity(depth, depth));
  return inverse.llt().matrixU();
}

// eᵀ·C·e of every row.
Eigen::VectorXd energies(const MatrixXd& errors, const MatrixXd& covariance) {
  return (errors * covariance).cwiseProduct(errors).rowwise().sum();
}

}  // namespace

MatrixXd fit_rows(const MatrixXd& rows, const MatrixXd& covariance, const MatrixXd& missing) {
  if (!(covariance.trace() > 0)) return rows;
  // Little: even what hardly varies tells noise from signal.
  constexpr double kDamping = 1e-4;
  MatrixXd damped = covariance;
  damped.diagonal().array() += kDamping * covariance.trace() / static_cast<double>(rows.cols());
  const MatrixXd wanted = rows * missing;
  return rows + damped.llt().solve(wanted.transpose()).transpose();
}

MatrixXd round_rows(const MatrixXd& targets, const MatrixXd& covariance, double most) {
  const auto nearest = [most](double value) { return to_level(value, most); };
  MatrixXd plain = targets.unaryExpr(nearest);
  if (!(covariance.trace() > 0)) return plain;
  const std::vector<Index> order = by_variance(covariance);
  const MatrixXd spread = spread_of(covariance, order);
  const Index depth = covariance.rows();
  MatrixXd left(targets.rows(), depth);
  for (Index j = 0; j < depth; ++j) left.col(j) = targets.col(order[static_cast<std::size_t>(j)]);
  MatrixXd rounded(targets.rows(), depth);
  // In blocks, so that most of the work is a matrix product.
  constexpr Index kBlock = 64;
  for (Index first = 0; first < depth; first += kBlock) {
    const Index size = std::min(kBlock, depth - first);
    MatrixXd errors(targets.rows(), size);
    for (Index i = 0; i < size; ++i) {
      const Index j = first + i;
      const Eigen::VectorXd level = left.col(j).unaryExpr(nearest);
      rounded.col(order[static_cast<std::size_t>(j)]) = level;
      errors.col(i) = (left.col(j) - level) / spread(j, j);
      left.middleCols(j + 1, size - i - 1) -=
          errors.col(i) * spread.row(j).segment(j + 1, size - i - 1);
    }
    const Index behind = depth - first - size;
    left.rightCols(behind) -= errors * spread.block(first, first + size, size, behind);
  }
  const Eigen::VectorXd found = energies(rounded - targets, covariance);
  const Eigen::VectorXd otherwise = energies(plain - targets, covariance);
  for (Index row = 0; row < targets.rows(); ++row) {
    if (!(found(row) < otherwise(row))) rounded.row(row) = plain.row(row);
  }
  return rounded;
}

}  // namespace quant
