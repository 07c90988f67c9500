// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_moments.h"

#include <algorithm>
#include <utility>

namespace quant {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

Result<LayerMoments> LayerMoments::create(Index depth) {
  QUANT_TRY_ASSIGN(
      onednn::MatMul product,
      onednn::MatMul::create({.m = depth, .k = kRows, .n = depth, .transpose_a = true}));
  return LayerMoments(depth, std::move(product));
}

LayerMoments::LayerMoments(Index depth, onednn::MatMul product)
    : depth_(depth),
      product_(std::move(product)),
      samples_(LayerSamples::Zero(kRows, depth)),
      sum_(VectorXd::Zero(depth)),
      products_(MatrixXd::Zero(depth, depth)) {}

Status LayerMoments::add(const LayerSamples& samples, const LayerSamples& reals) {
  if (reals.rows() > 0 && differences_.size() == 0) {
    differences_ = LayerSamples::Zero(kRows, depth_);
    missing_sum_ = VectorXd::Zero(depth_);
    missing_products_ = MatrixXd::Zero(depth_, depth_);
  }
  for (Index first = 0; first < samples.rows();) {
    const Index rows = std::min(kRows - waiting_, samples.rows() - first);
    samples_.middleRows(waiting_, rows) = samples.middleRows(first, rows);
    if (reals.rows() > 0) {
      differences_.middleRows(waiting_, rows) =
          reals.middleRows(first, rows) - samples.middleRows(first, rows);
    }
    waiting_ += rows;
    first += rows;
    if (waiting_ == kRows) QUANT_TRY(finish());
  }
  return {};
}

Status LayerMoments::finish() {
  if (waiting_ == 0) return {};
  QUANT_TRY(add_products(samples_, samples_, products_));
  sum_ += samples_.cast<double>().colwise().sum().transpose();
  if (differences_.size() > 0) {
    QUANT_TRY(add_products(differences_, samples_, missing_products_));
    missing_sum_ += differences_.cast<double>().colwise().sum().transpose();
    differences_.setZero();
  }
  samples_.setZero();
  count_ += static_cast<double>(waiting_);
  waiting_ = 0;
  return {};
}

Status LayerMoments::add_products(const LayerSamples& a, const LayerSamples& b, MatrixXd& sums) {
  LayerSamples products(depth_, depth_);
  // (bᵀ·a)ᵀ: row-major, it lies in memory as the sums do.
  QUANT_TRY(product_.run(b.data(), a.data(), products.data()));
  sums += products.transpose().cast<double>();
  return {};
}

VectorXd LayerMoments::mean() const { return sum_ / count_; }

MatrixXd LayerMoments::covariance() const {
  MatrixXd result = products_ / count_;
  result.noalias() -= mean() * mean().transpose();
  return result;
}

MatrixXd LayerMoments::missing() const {
  MatrixXd result = missing_products_ / count_;
  result.noalias() -= missing_sum_ / count_ * mean().transpose();
  return result;
}

}  // namespace quant
