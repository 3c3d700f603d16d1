#include "raz/congestion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace raz::cpu {
namespace {

using Node = CongestionNode;

constexpr int64_t leaf = 8;  // nodes that are not worth halving

// The smallest squared distances seen so far, ascending.
class Nearest {
 public:
  explicit Nearest(int64_t wanted) : last_(wanted - 1) {
    std::fill_n(squared_, wanted, std::numeric_limits<double>::infinity());
  }

  double farthest() const { return squared_[last_]; }

  void add(double squared) {
    if (!(squared < farthest())) return;
    int64_t at = last_;
    for (; at > 0 && squared < squared_[at - 1]; --at) squared_[at] = squared_[at - 1];
    squared_[at] = squared;
  }

  double mean_distance() const {
    double sum = 0;
    for (int64_t i = 0; i <= last_; ++i) sum += std::sqrt(squared_[i]);
    return sum / static_cast<double>(last_ + 1);
  }

 private:
  int64_t last_;
  double squared_[congestion_most_neighbours];
};

// Halves a range of nodes along its wider side again and again: the node in the middle is not less
// than any before it and not greater than any behind it.
void build(Node* begin, Node* end) {
  if (end - begin <= leaf) return;
  const auto [left, right] =
      std::minmax_element(begin, end, [](const Node& a, const Node& b) { return a.x < b.x; });
  const auto [top, bottom] =
      std::minmax_element(begin, end, [](const Node& a, const Node& b) { return a.y < b.y; });
  const bool tall = bottom->y - top->y > right->x - left->x;
  Node* middle = begin + (end - begin) / 2;
  if (tall) {
    std::nth_element(begin, middle, end, [](const Node& a, const Node& b) { return a.y < b.y; });
  } else {
    std::nth_element(begin, middle, end, [](const Node& a, const Node& b) { return a.x < b.x; });
  }
  middle->axis = tall;
  build(begin, middle);
  build(middle + 1, end);
}

void add(const Node& head, const Node& other, Nearest& nearest) {
  const double dx = other.x - head.x;
  const double dy = other.y - head.y;
  if (other.head != head.head) nearest.add(dx * dx + dy * dy);
}

// The side of the middle on which the head lies first; the other one if it can hold nearer heads.
void search(const Node* begin, const Node* end, const Node& head, Nearest& nearest) {
  if (end - begin <= leaf) {
    for (; begin != end; ++begin) add(head, *begin, nearest);
    return;
  }
  const Node* middle = begin + (end - begin) / 2;
  const double offset = middle->axis == 0 ? head.x - middle->x : head.y - middle->y;
  const bool before = offset < 0;
  search(before ? begin : middle + 1, before ? middle : end, head, nearest);
  if (offset * offset >= nearest.farthest()) return;
  add(head, *middle, nearest);
  search(before ? middle + 1 : begin, before ? end : middle, head, nearest);
}

bool of_earlier_image(const Node& a, const Node& b) { return a.image < b.image; }

}  // namespace

// 1. Heads by image. 2. A tree of each image. 3. Every head looks for its neighbours there.
void congestion(View<const double, 2> points, View<const int64_t, 1> batch, int64_t neighbours,
                CongestionNode* nodes, View<double, 1> congestion, const Parallel& parallel) {
  Node* end = nodes;
  for (int64_t n = 0; n < points.size[0]; ++n) {
    congestion(n) = std::numeric_limits<double>::infinity();
    const double x = points(n, 0);
    const double y = points(n, 1);
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    *end++ = {x, y, batch.data == nullptr ? 0 : batch(n), n, 0};
  }
  if (batch.data != nullptr) std::sort(nodes, end, of_earlier_image);
  for (Node* begin = nodes; begin != end;) {
    Node* next = std::upper_bound(begin, end, *begin, of_earlier_image);
    build(begin, next);
    begin = next;
  }
  parallel(end - nodes, 256, [&](int64_t first, int64_t last) {
    const Node* begin = nullptr;
    const Node* stop = nullptr;  // of the image
    for (const Node* node = nodes + first; node != nodes + last; ++node) {
      if (node == nodes + first || node == stop) {
        std::tie(begin, stop) =
            std::equal_range(static_cast<const Node*>(nodes), static_cast<const Node*>(end), *node,
                             of_earlier_image);
      }
      Nearest nearest(neighbours);
      search(begin, stop, *node, nearest);
      congestion(node->head) = nearest.mean_distance();
    }
  });
}

}  // namespace raz::cpu
