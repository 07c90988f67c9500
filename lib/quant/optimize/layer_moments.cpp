// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_moments.h"

#include <utility>

namespace quant {

using Eigen::MatrixXd;
using Eigen::VectorXd;

Result<LayerMoments> LayerMoments::create(Eigen::Index depth) {
  QUANT_TRY_ASSIGN(
      onednn::MatMul product,
      onednn::MatMul::create({.m = depth, .k = kRows, .n = depth, .transpose_a = true}));
  return LayerMoments(depth, std::move(product));
}

LayerMoments::LayerMoments(Eigen::Index depth, onednn::MatMul product)
    : depth_(depth),
      product_(std::move(product)),
      sum_(VectorXd::Zero(depth)),
      products_(MatrixXd::Zero(depth, depth)),
      missing_sum_(VectorXd::Zero(depth)) {}

Status LayerMoments::add_products(const LayerSamples& a, const LayerSamples& b, MatrixXd& sums) {
  LayerSamples products(depth_, depth_);
  QUANT_TRY(product_.run(a.data(), b.data(), products.data()));
  sums += products.cast<double>();
  return {};
}

Status LayerMoments::add(const LayerSamples& samples, Eigen::Index count) {
  QUANT_TRY(add_products(samples, samples, products_));
  sum_ += samples.cast<double>().colwise().sum().transpose();
  count_ += static_cast<double>(count);
  return {};
}

Status LayerMoments::add_missing(const LayerSamples& samples, const LayerSamples& reals) {
  if (missing_products_.size() == 0) missing_products_ = MatrixXd::Zero(depth_, depth_);
  const LayerSamples difference = reals - samples;
  QUANT_TRY(add_products(difference, samples, missing_products_));
  missing_sum_ += difference.cast<double>().colwise().sum().transpose();
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
