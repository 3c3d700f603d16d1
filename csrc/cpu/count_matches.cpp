#include "raz/count_matches.h"

#include <numeric>

#include "cpu/point_strips.h"

namespace raz::cpu {
namespace {

constexpr int32_t kNone = -1;

// The radii by index: a pair of points becomes allowed at one of them, or never (index size()).
class Thresholds {
 public:
  explicit Thresholds(View<const double, 1> radii) : horizon_(radii.size[0]) {
    for (int64_t t = 0; t < radii.size[0]; ++t) {
      radii_.push_back(radii(t));
      squared_.push_back(radii(t) * radii(t));
    }
    for (int32_t t = 0; t < size(); ++t) {
      const auto twice = std::upper_bound(radii_.begin(), radii_.end(), 2 * radii_[t]);
      const auto farthest = static_cast<int32_t>(twice - radii_.begin()) - 1;
      horizon_[t] = std::min(std::max(farthest, t + 1), size() - 1);
    }
  }

  int32_t size() const { return static_cast<int32_t>(radii_.size()); }
  double radius(int32_t t) const { return radii_[t]; }
  double squared(int32_t t) const { return squared_[t]; }

  // How far ahead to look at t: a radius of about twice the size.
  int32_t horizon(int32_t t) const { return horizon_[t]; }

  int32_t first_allowing(double squared_distance) const {
    const auto first = std::lower_bound(squared_.begin(), squared_.end(), squared_distance);
    return static_cast<int32_t>(first - squared_.begin());
  }

 private:
  std::vector<double> radii_;
  std::vector<double> squared_;
  std::vector<int32_t> horizon_;
};

// A matching of "roots" (the smaller set) with "leaves" that is maximum at every radius in turn.
//
// Trees of alternating paths stand on the unmatched roots: a root in a tree leads to the leaves
// that it may be matched with, a leaf to the root that it is matched with. All leaves near a tree
// are in a tree, and all of them are matched, or the matching could grow. With the radius only
// pairs of a root in a tree and an open leaf (in none) matter. Every such pair is foreseen by one
// of its two points, which is looked at again no later than when the pair becomes allowed.
class GrowingMatching {
 public:
  GrowingMatching(View<const double, 2> roots, View<const double, 2> leaves,
                  const Thresholds& thresholds)
      : roots_(roots),
        leaves_(leaves),
        thresholds_(thresholds),
        leaf_of_(roots_.size(), kNone),
        root_of_(leaves_.size(), kNone),
        tree_(roots_.size()),
        first_child_(roots_.size(), kNone),
        sibling_(leaves_.size(), kNone),
        parent_(leaves_.size(), kNone),
        rooted_(roots_.all()),
        open_(leaves_.all()),
        root_visit_(roots_.size(), 0),
        leaf_visit_(leaves_.size(), kNone),
        root_visits_(thresholds.size()),
        leaf_visits_(thresholds.size()) {
    std::iota(tree_.begin(), tree_.end(), 0);
    if (thresholds.size() > 0) root_visits_[0] = tree_;
  }

  // To be called for t = 0, 1, ...; returns the number of pairs.
  int32_t grow_to(int32_t t) {
    if (matched_ == roots_.size()) return matched_;
    t_ = t;
    for (const int32_t leaf : leaf_visits_[t]) {
      if (leaf_visit_[leaf] == t && has_bit(open_, leaf)) join_a_tree(leaf);
    }
    for (const int32_t root : root_visits_[t]) {
      if (root_visit_[root] == t) look_from(root);
    }
    while (!queue_.empty()) {
      const int32_t root = queue_.back();
      queue_.pop_back();
      look_from(root);
    }
    leaf_visits_[t] = {};
    root_visits_[t] = {};
    return matched_;
  }

 private:
  // Takes the open leaves in reach into the tree of the root, or matches one of them.
  void look_from(int32_t root) {
    if (!has_bit(rooted_, root)) return;
    near_.clear();
    int32_t free_leaf = kNone;
    const int32_t visit = look_around(roots_, root, leaves_, open_, [&](int32_t leaf) {
      if (root_of_[leaf] == kNone) free_leaf = leaf;
      near_.push_back(leaf);
      return free_leaf != kNone;
    });
    if (free_leaf != kNone) {
      augment(root, free_leaf);
      return;
    }
    for (const int32_t leaf : near_) attach(leaf, root);
    root_visit_[root] = visit;
    if (visit < thresholds_.size()) root_visits_[visit].push_back(root);
  }

  // Gives an open, matched leaf to any tree in reach.
  void join_a_tree(int32_t leaf) {
    int32_t root = kNone;
    const int32_t visit = look_around(leaves_, leaf, roots_, rooted_, [&](int32_t near) {
      root = near;
      return true;
    });
    if (root != kNone) {
      attach(leaf, root);
      return;
    }
    leaf_visit_[leaf] = visit;
    if (visit < thresholds_.size()) leaf_visits_[visit].push_back(leaf);
  }

  // Reports the points of a subset within the radius until told to stop; returns when the next one
  // may come into reach.
  template <class Near>
  int32_t look_around(const PointStrips& from, int32_t centre, const PointStrips& to,
                      const std::vector<uint64_t>& subset, Near&& near) const {
    const int32_t horizon = thresholds_.horizon(t_);
    const double allowed = thresholds_.squared(t_);
    double next = std::numeric_limits<double>::infinity();
    const Disc disc(from.x(centre), from.y(centre), thresholds_.radius(horizon));
    to.visit(disc, subset, [&](int32_t position, double squared) {
      if (squared <= allowed) return near(position);
      next = std::min(next, squared);
      return false;
    });
    if (horizon == t_) return thresholds_.size();  // the last radius: all has been seen
    return std::clamp(thresholds_.first_allowing(next), t_ + 1, horizon);
  }

  void attach(int32_t leaf, int32_t root) {
    clear_bit(open_, leaf);
    parent_[leaf] = root;
    sibling_[leaf] = first_child_[root];
    first_child_[root] = leaf;
    const int32_t next = root_of_[leaf];
    tree_[next] = tree_[root];
    set_bit(rooted_, next);
    queue_.push_back(next);
  }

  // Matches along the path from the free leaf down to the foot of the tree, which is then cut.
  void augment(int32_t root, int32_t leaf) {
    cut_.assign(1, tree_[root]);
    released_.clear();
    for (size_t at = 0; at < cut_.size(); ++at) {
      for (int32_t child = first_child_[cut_[at]]; child != kNone; child = sibling_[child]) {
        released_.push_back(child);
        cut_.push_back(root_of_[child]);
      }
    }
    for (const int32_t cut : cut_) {
      clear_bit(rooted_, cut);
      first_child_[cut] = kNone;
    }
    while (true) {
      const int32_t previous = leaf_of_[root];
      leaf_of_[root] = leaf;
      root_of_[leaf] = root;
      if (previous == kNone) break;
      leaf = previous;
      root = parent_[leaf];
    }
    ++matched_;
    for (const int32_t open : released_) set_bit(open_, open);
    for (const int32_t open : released_) join_a_tree(open);
  }

  PointStrips roots_;
  PointStrips leaves_;
  const Thresholds& thresholds_;
  int32_t t_ = 0;
  int32_t matched_ = 0;
  std::vector<int32_t> leaf_of_;
  std::vector<int32_t> root_of_;
  std::vector<int32_t> tree_;  // the foot of the tree that a root is in
  std::vector<int32_t> first_child_;
  std::vector<int32_t> sibling_;
  std::vector<int32_t> parent_;
  std::vector<uint64_t> rooted_;  // the roots that are in a tree
  std::vector<uint64_t> open_;    // the leaves that are in none
  std::vector<int32_t> root_visit_;
  std::vector<int32_t> leaf_visit_;
  std::vector<std::vector<int32_t>> root_visits_;
  std::vector<std::vector<int32_t>> leaf_visits_;
  std::vector<int32_t> queue_;
  std::vector<int32_t> near_;
  std::vector<int32_t> cut_;
  std::vector<int32_t> released_;
};

}  // namespace

void count_matches(View<const double, 2> pred, View<const double, 2> truth,
                   View<const double, 1> radii, View<int64_t, 1> counts) {
  const Thresholds thresholds(radii);
  if (pred.size[0] > truth.size[0]) std::swap(pred, truth);
  GrowingMatching matching(pred, truth, thresholds);
  for (int32_t t = 0; t < thresholds.size(); ++t) counts(t) = matching.grow_to(t);
}

}  // namespace raz::cpu
