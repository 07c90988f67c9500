// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_moments.h"

namespace quant {

using Eigen::MatrixXd;
using Eigen::VectorXd;

LayerMoments::LayerMoments(Eigen::Index depth)
    : depth_(depth),
      sum_(VectorXd::Zero(depth)),
      products_(MatrixXd::Zero(depth, depth)),
      missing_sum_(VectorXd::Zero(depth)) {}

void LayerMoments::add(const LayerSamples& samples) {
  LayerSamples products = LayerSamples::Zero(depth_, depth_);
  products.selfadjointView<Eigen::Lower>().rankUpdate(samples.transpose());
  products_.triangularView<Eigen::Lower>() += products.cast<double>();
  sum_ += samples.cast<double>().colwise().sum().transpose();
  count_ += static_cast<double>(samples.rows());
}

void LayerMoments::add_missing(const LayerSamples& samples, const LayerSamples& reals) {
  if (missing_products_.size() == 0) missing_products_ = MatrixXd::Zero(depth_, depth_);
  const LayerSamples difference = reals - samples;
  const LayerSamples products = difference.transpose() * samples;
  missing_products_ += products.cast<double>();
  missing_sum_ += difference.cast<double>().colwise().sum().transpose();
}

VectorXd LayerMoments::mean() const { return sum_ / count_; }

MatrixXd LayerMoments::covariance() const {
  MatrixXd result = products_.selfadjointView<Eigen::Lower>();
  result /= count_;
  result.noalias() -= mean() * mean().transpose();
  return result;
}

MatrixXd LayerMoments::missing() const {
  MatrixXd result = missing_products_ / count_;
  result.noalias() -= missing_sum_ / count_ * mean().transpose();
  return result;
}

}  // namespace quant
