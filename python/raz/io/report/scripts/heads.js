// The located heads: their number by score, and which of them lie in an area.

/** Unpack [[x, y, score], ...]; a score that is not known is NaN. */
function unpackHeads(points) {
  const count = points.length;
  const heads = { xs: new Float64Array(count), ys: new Float64Array(count), scores: new Float32Array(count) };
  points.forEach(([x, y, score], k) => {
    heads.xs[k] = x ?? NaN;
    heads.ys[k] = y ?? NaN;
    heads.scores[k] = score ?? NaN;
  });
  return heads;
}

/** Count heads of a score or more, in all of the image or inside corners; as Result.filtered. */
function countHeads(heads, threshold, corners = null, size = null) {
  const least = Math.fround(threshold); // scores are float32
  let count = 0;
  for (let k = 0; k < heads.xs.length; k++) {
    if (!(heads.scores[k] >= least)) continue;
    if (!corners || pointInside(corners, heads.xs[k], heads.ys[k], size)) count++;
  }
  return count;
}

/** The head next to a place of the image, within a reach; -1 for none. */
function nearestHead(heads, threshold, [x, y], reach) {
  let nearest = -1;
  let least = reach ** 2;
  for (let k = 0; k < heads.xs.length; k++) {
    const distance = (heads.xs[k] - x) ** 2 + (heads.ys[k] - y) ** 2;
    if (distance <= least && heads.scores[k] >= threshold) {
      least = distance;
      nearest = k;
    }
  }
  return nearest;
}

/** Draw how many heads have which score, above the slider. */
function drawScores(svg, scores, bins = 50) {
  const numbers = new Array(bins).fill(0);
  scores.forEach((score) => {
    if (score >= 0) numbers[Math.min(bins - 1, Math.floor(score * bins))]++;
  });
  const most = Math.max(1, ...numbers);
  svg.replaceChildren(
    ...numbers.map((number, k) => {
      const height = (24 * number) / most;
      return makeSvg("rect", { x: (k * 100) / bins + 0.2, y: 24 - height, width: 100 / bins - 0.4, height });
    }),
  );
}
