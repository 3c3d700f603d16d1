#include <numeric>
#include <optional>

#include "cpu/point_strips.h"
#include "raz/match_points.h"

namespace raz::cpu {
namespace {

constexpr int32_t kNone = -1;
constexpr size_t kMostPairs = size_t{1} << 24;
constexpr size_t kSparsity = 4;  // where one pair in so many is allowed, testing all is quicker

// Which heads may still be visited, by index.
class HeadSet {
 public:
  explicit HeadSet(int32_t count)
      : count_(count), words_((count + 63) / 64, ~uint64_t{0}), any_((words_.size() + 63) / 64) {
    for (size_t word = 0; word < words_.size(); ++word) any_[word / 64] |= bit(word);
  }

  bool has(int32_t head) const { return (words_[head / 64] & bit(head)) != 0; }

  void add(int32_t head) {
    words_[head / 64] |= bit(head);
    any_[head / 64 / 64] |= bit(head / 64);
  }

  void remove(int32_t head) {
    words_[head / 64] &= ~bit(head);
    if (words_[head / 64] == 0) any_[head / 64 / 64] &= ~bit(head / 64);
  }

  // The first member >= head, or the number of heads.
  int32_t next(int32_t head) const {
    if (head >= count_) return count_;
    const uint64_t here = words_[head / 64] & ~uint64_t{0} << head % 64;
    if (here != 0) return bounded(head / 64, here);
    const size_t word = static_cast<size_t>(head / 64) + 1;
    for (size_t group = word / 64; group < any_.size(); ++group) {
      const uint64_t later = group == word / 64 ? ~uint64_t{0} << word % 64 : ~uint64_t{0};
      const uint64_t some = any_[group] & later;
      if (some == 0) continue;
      const size_t found = group * 64 + std::countr_zero(some);
      return bounded(found, words_[found]);
    }
    return count_;
  }

 private:
  static uint64_t bit(size_t at) { return uint64_t{1} << at % 64; }

  int32_t bounded(size_t word, uint64_t bits) const {
    return std::min(static_cast<int32_t>(word * 64) + std::countr_zero(bits), count_);
  }

  int32_t count_;
  std::vector<uint64_t> words_;
  std::vector<uint64_t> any_;  // the words that are not empty
};

// The candidates of every prediction in one list, heads ascending.
struct StoredCandidates {
  std::vector<int32_t> begin;  // [N + 1]
  std::vector<int32_t> head;

  int64_t first(int32_t pred) const { return begin[pred]; }

  // Returns the next candidate in the set and moves the cursor past it; kNone where there is none.
  int32_t next(int32_t pred, int64_t& cursor, const HeadSet& heads) const {
    while (cursor < begin[pred + 1]) {
      const int32_t candidate = head[cursor++];
      if (heads.has(candidate)) return candidate;
    }
    return kNone;
  }
};

// The same found by testing every head of the set.
struct TestedCandidates {
  View<const double, 2> pred_points;
  const std::vector<Disc>& discs;

  int64_t first(int32_t) const { return 0; }

  int32_t next(int32_t pred, int64_t& cursor, const HeadSet& heads) const {
    const double x = pred_points(pred, 0);
    const double y = pred_points(pred, 1);
    const auto count = static_cast<int32_t>(discs.size());
    int32_t head = heads.next(static_cast<int32_t>(cursor));
    while (head < count && discs[head].squared_distance(x, y) > discs[head].squared) {
      head = heads.next(head + 1);
    }
    cursor = head + 1;
    return head < count ? head : kNone;
  }
};

template <class Candidates>
class Kuhn {
 public:
  Kuhn(const Candidates& candidates, int32_t preds, int32_t heads)
      : candidates_(candidates), unvisited_(heads), pred_of_(heads, kNone) {
    for (int32_t pred = 0; pred < preds; ++pred) {
      visited_.clear();
      // What a search visits in vain is closed: no later augmenting path can leave it, so it stays
      // visited for good, which changes no result.
      if (augment_from(pred)) {
        for (const int32_t head : visited_) unvisited_.add(head);
      }
    }
  }

  const std::vector<int32_t>& pred_of() const { return pred_of_; }

 private:
  struct Step {
    int32_t pred;
    int32_t head;
    int64_t cursor;
  };

  bool augment_from(int32_t root) {
    path_.assign(1, {root, kNone, candidates_.first(root)});
    while (!path_.empty()) {
      Step& step = path_.back();
      step.head = candidates_.next(step.pred, step.cursor, unvisited_);
      if (step.head == kNone) {
        path_.pop_back();
        continue;
      }
      unvisited_.remove(step.head);
      visited_.push_back(step.head);
      const int32_t owner = pred_of_[step.head];
      if (owner == kNone) {
        for (const Step& taken : path_) pred_of_[taken.head] = taken.pred;
        return true;
      }
      path_.push_back({owner, kNone, candidates_.first(owner)});
    }
    return false;
  }

  const Candidates& candidates_;
  HeadSet unvisited_;
  std::vector<int32_t> pred_of_;
  std::vector<int32_t> visited_;
  std::vector<Step> path_;
};

// Nothing when there are too many to be worth storing.
std::optional<StoredCandidates> store(View<const double, 2> pred, const std::vector<Disc>& discs) {
  const auto count = static_cast<size_t>(pred.size[0]);
  const size_t most = std::min(kMostPairs, std::max(kSparsity, count * discs.size() / kSparsity));
  const PointStrips strips(pred);
  const std::vector<uint64_t> all = strips.all();
  std::vector<int32_t> candidates;  // predictions, by head
  std::vector<int32_t> counts;
  for (const Disc& disc : discs) {
    const size_t before = candidates.size();
    const bool too_many = strips.visit(disc, all, [&](int32_t position, double) {
      candidates.push_back(strips.index(position));
      return candidates.size() > most;
    });
    if (too_many) return std::nullopt;
    counts.push_back(static_cast<int32_t>(candidates.size() - before));
  }
  StoredCandidates stored{std::vector<int32_t>(count + 2), std::vector<int32_t>(candidates.size())};
  for (const int32_t candidate : candidates) ++stored.begin[candidate + 2];
  std::partial_sum(stored.begin.begin(), stored.begin.end(), stored.begin.begin());
  size_t at = 0;
  for (size_t head = 0; head < discs.size(); ++head) {
    for (int32_t i = 0; i < counts[head]; ++i, ++at) {
      stored.head[stored.begin[candidates[at] + 1]++] = static_cast<int32_t>(head);
    }
  }
  return stored;
}

template <class Candidates>
Matching match(const Candidates& candidates, int64_t preds, size_t heads) {
  const Kuhn<Candidates> kuhn(candidates, static_cast<int32_t>(preds), static_cast<int32_t>(heads));
  Matching matching;
  for (size_t head = 0; head < heads; ++head) {
    if (kuhn.pred_of()[head] != kNone) matching.add(kuhn.pred_of()[head], head);
  }
  return matching;
}

}  // namespace

Matching match_points_in_order(View<const double, 2> pred, View<const double, 2> truth,
                               View<const double, 1> radius) {
  const std::vector<Disc> heads = discs(truth, radius);
  if (const std::optional<StoredCandidates> stored = store(pred, heads)) {
    return match(*stored, pred.size[0], heads.size());
  }
  return match(TestedCandidates{pred, heads}, pred.size[0], heads.size());
}

}  // namespace raz::cpu
