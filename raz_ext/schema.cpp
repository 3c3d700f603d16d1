// Every operator's schema on one screen: the index of the native API.
// Public signatures, units and errors: python/raz/ops/<op>.py. Kernels: csrc/include/raz/<op>.h.
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY(raz, m) {
  m.def("integral_image(Tensor image, ScalarType dtype) -> Tensor");
  m.def("score_anchors(Tensor integral, Tensor boxes, bool mean) -> Tensor");
  m.def(
      "propose_regions(Tensor attention, int num_points, float[] scales, float[] ratios, "
      "float score_threshold, float iou_threshold, int max_regions, int seed) "
      "-> (Tensor boxes, Tensor scores, Tensor counts)");
  m.def(
      "find_peaks(Tensor x, float threshold, int smooth, int? max_points) "
      "-> (Tensor points, Tensor scores, Tensor counts)");
  m.def(
      "point_nms(Tensor points, Tensor scores, float radius, Tensor? batch, Tensor? radii) "
      "-> Tensor");
  m.def(
      "point_nms_mask(Tensor points, Tensor scores, float radius, Tensor? batch, Tensor? radii) "
      "-> Tensor");
  m.def(
      "crop_and_resize(Tensor images, Tensor boxes, Tensor batch, SymInt height, SymInt width, "
      "Tensor? mean, Tensor? std) -> Tensor");
  m.def(
      "density_map(Tensor points, SymInt height, SymInt width, float? sigma, int stride, "
      "Tensor? batch, SymInt batch_size) -> Tensor");
  m.def(
      "point_map(Tensor points, SymInt height, SymInt width, Tensor? batch, SymInt batch_size) "
      "-> Tensor");
  m.def("congestion(Tensor points, int neighbours, Tensor? batch) -> Tensor");
  m.def(
      "attention_map(Tensor points, SymInt height, SymInt width, int stride, float limit, "
      "float sigma, int neighbours, Tensor? batch, SymInt batch_size) -> Tensor");

  // Gradients: of an operator's result, and what of its arguments it takes to get those of another.
  m.def("integral_image_backward(Tensor grad, ScalarType dtype) -> Tensor");
  m.def(
      "score_anchors_backward_integral(Tensor grad, Tensor boxes, SymInt height, SymInt width, "
      "bool mean) -> Tensor");
  m.def(
      "score_anchors_backward_boxes(Tensor grad, Tensor integral, Tensor boxes, bool mean) "
      "-> Tensor");
  m.def(
      "crop_and_resize_backward_images(Tensor grad, Tensor boxes, Tensor batch, SymInt batch_size, "
      "SymInt height, SymInt width, Tensor? std) -> Tensor");
  m.def(
      "crop_and_resize_backward_boxes(Tensor grad, Tensor images, Tensor boxes, Tensor batch, "
      "Tensor? std) -> Tensor");
  m.def(
      "density_map_backward(Tensor grad, Tensor points, SymInt height, SymInt width, float? sigma, "
      "int stride, Tensor? batch) -> Tensor");
}
