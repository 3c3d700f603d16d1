// Polygons laid over points and over cells: the same arithmetic as raz/areas.py, in the same order.

/** Tell whether a point lies inside: even-odd rule, half-open edges, the image's last edge in it. */
function pointInside(corners, x, y, size) {
  if (x === size[0]) x = below(size[0]);
  if (y === size[1]) y = below(size[1]);
  let inside = false;
  for (let k = 0; k < corners.length; k++) {
    let [a, b] = [corners[k], corners[(k + 1) % corners.length]];
    if (a[1] > b[1]) [a, b] = [b, a]; // two polygons that share an edge compute the same side
    if (a[1] <= y && y < b[1] && (x - a[0]) * (b[1] - a[1]) < (y - a[1]) * (b[0] - a[0])) inside = !inside;
  }
  return inside;
}

/** The greatest number below a whole one above 0. */
function below(value) {
  const exponent = Math.ceil(Math.log2(value));
  return value - 2 ** (exponent - 53);
}

/**
 * The share of each cell that a polygon covers.
 *
 * Returns the rectangle of cells that it touches: {row, column, rows, columns, shares}, where
 * shares is row by row.
 */
function sharesInside(corners, size, stride) {
  const columns = touched(cellEdges(size[0], stride), corners.map((corner) => corner[0]));
  const rows = touched(cellEdges(size[1], stride), corners.map((corner) => corner[1]));
  const shares = polygonAreas(corners, columns.lines, rows.lines);
  const width = columns.lines.length - 1;
  const height = rows.lines.length - 1;
  for (let r = 0; r < height; r++) {
    const tall = rows.lines[r + 1] - rows.lines[r];
    for (let c = 0; c < width; c++) {
      const whole = tall * (columns.lines[c + 1] - columns.lines[c]);
      shares[r * width + c] = Math.min(1, Math.max(0, shares[r * width + c] / whole));
    }
  }
  return { row: rows.first, column: columns.first, rows: height, columns: width, shares };
}

/** The area of a polygon by the even-odd rule. */
function polygonArea(corners) {
  const left = Math.min(...corners.map((corner) => corner[0]));
  const top = Math.min(...corners.map((corner) => corner[1]));
  const moved = corners.map(([x, y]) => [x - left, y - top]);
  const right = Math.max(...moved.map((corner) => corner[0]));
  const bottom = Math.max(...moved.map((corner) => corner[1]));
  return right && bottom ? polygonAreas(moved, [0, right], [0, bottom])[0] : 0;
}

function cellEdges(length, stride) {
  const cells = Math.ceil(length / stride);
  return Array.from({ length: cells + 1 }, (_, k) => Math.min(k * stride, length));
}

/** The part of the lines around some values: at least one line. */
function touched(lines, values) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  let first = lines.length;
  while (first > 0 && lines[first - 1] > least) first--;
  let last = 0;
  while (last < lines.length && lines[last] < most) last++;
  const low = Math.min(Math.max(first - 1, 0), lines.length - 1);
  return { first: low, lines: lines.slice(low, Math.max(low + 1, Math.min(last + 1, lines.length))) };
}

/** The area of each cell between lines that a polygon covers, row by row. */
function polygonAreas(corners, columns, rows) {
  const edges = levelledEdges(corners);
  const width = columns.length;
  const rightOf = new Float64Array(rows.length * width);
  let row = 0;
  for (const [top, bottom] of slabs(edges, rows)) {
    while (row < rows.length - 2 && rows[row + 1] <= top) row++;
    pieces(edges, top, bottom).forEach(([x1, x2], rank) => {
      const height = (rank % 2 ? 1 : -1) * (bottom - top);
      for (let c = 0; c < width; c++) rightOf[row * width + c] += height * beyond(x1, x2, columns[c]);
    });
  }
  const areas = new Float64Array(Math.max(0, rows.length - 1) * Math.max(0, width - 1));
  for (let r = 0; r < rows.length - 1; r++) {
    for (let c = 0; c < width - 1; c++) {
      areas[r * (width - 1) + c] = rightOf[r * width + c] - rightOf[r * width + c + 1];
    }
  }
  return areas;
}

/** The mean length of an edge's piece beyond a column's edge. */
function beyond(x1, x2, line) {
  const low = Math.min(x1, x2);
  const high = Math.max(x1, x2);
  if (line <= low) return (low + high) / 2 - line;
  if (line >= high) return 0;
  return (high - line) ** 2 / (2 * (high - low));
}

/** Edges that are not level, from the smaller y to the greater. */
function levelledEdges(corners) {
  return corners
    .map((corner, k) => [corner, corners[(k + 1) % corners.length]])
    .filter(([a, b]) => a[1] !== b[1])
    .map(([a, b]) => (a[1] < b[1] ? [...a, ...b] : [...b, ...a]));
}

/** Bands from the top to the bottom, cut at rows of cells, where edges end, and where two cross. */
function slabs(edges, rows) {
  const top = rows[0];
  const bottom = rows[rows.length - 1];
  const ends = edges.flatMap(([, y1, , y2]) => [y1, y2]).map((y) => Math.min(bottom, Math.max(top, y)));
  const cuts = between([...rows, ...ends]);
  const crossings = cuts.flatMap(([y1, y2]) => crossingRows(pieces(edges, y1, y2), y1, y2));
  return crossings.length ? between([...cuts.flat(), ...crossings]) : cuts;
}

function between(values) {
  const cuts = [...new Set(values)].sort((a, b) => a - b);
  return cuts.slice(1).map((cut, k) => [cuts[k], cut]);
}

/** x at the top and the bottom of each edge in a band, from the left to the right. */
function pieces(edges, top, bottom) {
  const middle = (top + bottom) / 2;
  return edges
    .filter(([, y1, , y2]) => y1 < middle && middle < y2)
    .map((edge) => [xAt(edge, top), xAt(edge, bottom)])
    .sort((a, b) => a[0] + a[1] - b[0] - b[1]);
}

function xAt([x1, y1, x2, y2], y) {
  return x1 + (x2 - x1) * ((y - y1) / (y2 - y1));
}

function crossingRows(ends, top, bottom) {
  const rows = [];
  for (const a of ends) {
    for (const b of ends) {
      const before = a[0] - b[0];
      const after = a[1] - b[1];
      if (before < 0 && after > 0) rows.push(top + ((bottom - top) * before) / (before - after));
    }
  }
  return rows;
}
