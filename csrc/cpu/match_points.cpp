#include "raz/match_points.h"

#include "cpu/point_strips.h"

namespace raz::cpu {
namespace {

constexpr int32_t kNone = -1;
constexpr int32_t kFewCandidates = 64;

// Searches from one head at a time, which is quickest on all but a few inputs, and then, if these
// have taken too long, Hopcroft-Karp for the rest: the bound of the latter, up to a constant.
class Matcher {
 public:
  Matcher(const PointStrips& preds, const std::vector<Disc>& heads, int64_t searches)
      : preds_(preds),
        heads_(heads),
        unmatched_(preds.size()),
        pred_of_(heads.size(), kNone),
        head_of_(preds.size(), kNone),
        parent_(preds.size(), kNone),
        free_(preds.all()),
        open_(preds.all()),
        layer_(preds.strips(), 0) {
    match_greedily();
    search_one_by_one(searches * preds.size());
    while (unmatched_ > 0 && find_layers()) augment();
  }

  // The position of the prediction matched with every head, or -1.
  const std::vector<int32_t>& pred_of() const { return pred_of_; }

 private:
  void match(int32_t head, int32_t pred) {
    if (head_of_[pred] == kNone) --unmatched_;
    pred_of_[head] = pred;
    head_of_[pred] = head;
    clear_bit(free_, pred);
  }

  // A near free prediction for every head. The heads that are left become the roots, but for those
  // without any candidate.
  void match_greedily() {
    const std::vector<uint64_t> all = preds_.all();
    for (int32_t head = 0; head < static_cast<int32_t>(heads_.size()); ++head) {
      int32_t seen = 0;
      int32_t nearest = kNone;
      double least = std::numeric_limits<double>::infinity();
      preds_.visit(heads_[head], all, [&](int32_t pred, double squared) {
        if (head_of_[pred] == kNone && (squared < least || nearest == kNone)) {
          nearest = pred;
          least = squared;
        }
        return ++seen == kFewCandidates;
      });
      if (nearest == kNone && seen == kFewCandidates) nearest = any_free(head);
      if (nearest != kNone) {
        match(head, nearest);
      } else if (seen > 0) {
        roots_.push_back(head);
      }
    }
  }

  int32_t any_free(int32_t head) const {
    int32_t found = kNone;
    preds_.visit(heads_[head], free_, [&](int32_t pred, double) {
      found = pred;
      return true;
    });
    return found;
  }

  void search_one_by_one(int64_t looks) {
    std::erase_if(roots_, [&](int32_t root) {
      if (looks <= 0 || unmatched_ == 0) return false;
      if (search_from(root)) {
        // Only what was seen in vain stays closed: no augmenting path can ever leave it.
        for (const int32_t pred : seen_) set_bit(open_, pred);
        looks -= static_cast<int64_t>(seen_.size());
      }
      return true;
    });
  }

  // Matches the root along an alternating path to a free prediction, if there is one.
  bool search_from(int32_t root) {
    seen_.clear();
    heads_to_see_.assign(1, root);
    while (!heads_to_see_.empty()) {
      const int32_t head = heads_to_see_.back();
      heads_to_see_.pop_back();
      int32_t free = kNone;
      preds_.visit(heads_[head], open_, [&](int32_t pred, double) {
        if (head_of_[pred] == kNone) {
          free = pred;
          return true;
        }
        clear_bit(open_, pred);
        parent_[pred] = head;
        seen_.push_back(pred);
        heads_to_see_.push_back(head_of_[pred]);
        return false;
      });
      if (free != kNone) {
        match_path(head, free);
        return true;
      }
    }
    return false;
  }

  void match_path(int32_t head, int32_t pred) {
    while (true) {
      const int32_t previous = pred_of_[head];
      match(head, pred);
      if (previous == kNone) return;
      pred = previous;
      head = parent_[pred];
    }
  }

  // Breadth first over alternating paths from the roots: layer d holds the predictions that are
  // d + 1 candidates away, the last one only its free ones. Tells whether there are any.
  bool find_layers() {
    words_.clear();
    layer_begin_.assign(1, 0);
    std::vector<uint64_t> unseen = open_;
    std::vector<int32_t> frontier = roots_;
    std::vector<int32_t> next;
    while (!frontier.empty()) {
      bool free_found = false;
      next.clear();
      for (const int32_t head : frontier) {
        preds_.visit(heads_[head], unseen, [&](int32_t pred, double) {
          clear_bit(unseen, pred);
          if (layer_[pred / PointStrips::width] == 0) touched_.push_back(pred / PointStrips::width);
          set_bit(layer_, pred);
          if (head_of_[pred] == kNone) {
            free_found = true;
          } else {
            next.push_back(head_of_[pred]);
          }
          return false;
        });
      }
      close_layer(free_found);
      if (free_found) return true;
      std::swap(frontier, next);
    }
    return false;
  }

  void close_layer(bool last) {
    std::sort(touched_.begin(), touched_.end());
    for (const int32_t strip : touched_) {
      const uint64_t mask = last ? layer_[strip] & free_[strip] : layer_[strip];
      if (mask != 0) words_.push_back({strip, mask});
      layer_[strip] = 0;
    }
    touched_.clear();
    layer_begin_.push_back(words_.size());
  }

  // A maximal set of disjoint shortest augmenting paths, depth first through the layers.
  void augment() {
    std::erase_if(roots_, [&](int32_t root) { return augment_from(root); });
  }

  bool augment_from(int32_t root) {
    path_heads_.assign(1, root);
    path_preds_.clear();
    while (!path_heads_.empty()) {
      const int32_t pred = take(path_heads_.back(), path_heads_.size() - 1);
      if (pred == kNone) {
        path_heads_.pop_back();
        if (!path_preds_.empty()) path_preds_.pop_back();
        continue;
      }
      path_preds_.push_back(pred);
      if (head_of_[pred] == kNone) {
        for (size_t i = 0; i < path_heads_.size(); ++i) match(path_heads_[i], path_preds_[i]);
        return true;
      }
      path_heads_.push_back(head_of_[pred]);
    }
    return false;
  }

  // Removes and returns a prediction of the layer that is a candidate of the head.
  int32_t take(int32_t head, size_t layer) {
    int32_t taken = kNone;
    PointStrips::Word* begin = words_.data() + layer_begin_[layer];
    PointStrips::Word* end = words_.data() + layer_begin_[layer + 1];
    preds_.visit(heads_[head], begin, end, [&](int32_t pred, double) {
      taken = pred;
      return true;
    });
    if (taken != kNone) {
      PointStrips::Word* word = std::partition_point(
          begin, end, [&](const auto& word) { return word.strip < taken / PointStrips::width; });
      word->mask &= ~(uint64_t{1} << taken % PointStrips::width);
    }
    return taken;
  }

  const PointStrips& preds_;
  const std::vector<Disc>& heads_;
  int32_t unmatched_;  // predictions
  std::vector<int32_t> pred_of_;
  std::vector<int32_t> head_of_;
  std::vector<int32_t> parent_;
  std::vector<uint64_t> free_;
  std::vector<uint64_t> open_;
  std::vector<int32_t> roots_;  // heads that may still be matched
  std::vector<int32_t> seen_;
  std::vector<int32_t> heads_to_see_;
  std::vector<PointStrips::Word> words_;
  std::vector<size_t> layer_begin_;
  std::vector<uint64_t> layer_;  // the layer that is being found, and its strips
  std::vector<int32_t> touched_;
  std::vector<int32_t> path_heads_;
  std::vector<int32_t> path_preds_;
};

// The row of the prediction matched with every head, or -1.
std::vector<int32_t> match_heads(View<const double, 2> pred, View<const double, 2> truth,
                                 View<const double, 1> radius, int64_t searches) {
  const PointStrips preds(pred);
  const std::vector<Disc> heads = discs(truth, radius);
  std::vector<int32_t> pred_of = Matcher(preds, heads, searches).pred_of();
  for (int32_t& pred : pred_of) {
    if (pred != kNone) pred = preds.index(pred);
  }
  return pred_of;
}

bool all_equal(View<const double, 1> values) {
  for (int64_t i = 1; i < values.size[0]; ++i) {
    if (values(i) != values(0)) return false;
  }
  return true;
}

}  // namespace

Matching match_points(View<const double, 2> pred, View<const double, 2> truth,
                      View<const double, 1> radius, int64_t searches) {
  const int64_t preds = pred.size[0];
  const int64_t heads = truth.size[0];
  std::vector<int32_t> pred_of(heads, kNone);
  if (preds < heads && all_equal(radius)) {  // fewer searches, most of which succeed
    radius.size[0] = preds;
    const std::vector<int32_t> head_of = match_heads(truth, pred, radius, searches);
    for (int64_t i = 0; i < preds; ++i) {
      if (head_of[i] != kNone) pred_of[head_of[i]] = static_cast<int32_t>(i);
    }
  } else {
    pred_of = match_heads(pred, truth, radius, searches);
  }
  Matching matching;
  for (int64_t head = 0; head < heads; ++head) {
    if (pred_of[head] != kNone) matching.add(pred_of[head], head);
  }
  return matching;
}

}  // namespace raz::cpu
