// From pixels to the ground: raz.ground.Ground.

/** Square metres of a polygon; null where it reaches the horizon or lies beyond it. */
function groundArea(matrix, corners) {
  const mapped = corners.map(([x, y]) => [0, 3, 6].map((k) => matrix[k] * x + matrix[k + 1] * y + matrix[k + 2]));
  if (!mapped.every(([, , w]) => w > 0)) return null;
  return polygonArea(mapped.map(([x, y, w]) => [x / w, y / w]));
}
