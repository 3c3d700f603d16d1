// Whether a box overlaps another too much: the test of greedy suppression, on any device.
#pragma once

#include "raz/view.h"

namespace raz {

struct Edges {
  double x1, y1, x2, y2;
};

// Whether intersection / union exceeds the threshold. No branches, so that a compiler can take
// several boxes at once.
RAZ_HOST_DEVICE inline bool overlaps(const Edges& a, const Edges& b, double threshold) {
  const double width = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
  const double height = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
  const double common = (width > 0 ? width : 0) * (height > 0 ? height : 0);
  const double area_a = (a.x2 - a.x1) * (a.y2 - a.y1);
  const double area_b = (b.x2 - b.x1) * (b.y2 - b.y1);
  const double iou = common / (area_a + area_b - common);
  return common > 0 && iou > threshold;
}

}  // namespace raz
