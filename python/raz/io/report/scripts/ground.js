// From pixels to the ground: raz.ground.Ground.

/** Square metres of a polygon; null where it reaches the horizon. */
function groundArea(matrix, corners) {
  const mapped = corners.map(([x, y]) => [0, 3, 6].map((k) => matrix[k] * x + matrix[k + 1] * y + matrix[k + 2]));
  const side = Math.sign(mapped[0][2]);
  if (side === 0 || mapped.some(([, , w]) => Math.sign(w) !== side)) return null;
  return polygonArea(mapped.map(([x, y, w]) => [x / w, y / w]));
}
