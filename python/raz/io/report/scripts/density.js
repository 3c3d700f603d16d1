// The density map: its cells, its integral over an area, how dense people stand.

/** Decode the cells: {rows, columns, stride, factor, cells}. */
function decodeDensity({ base64, rows, columns, stride, factor }) {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  const cells = Float32Array.from({ length: rows * columns }, (_, k) => numbers.getFloat32(4 * k, true));
  return { rows, columns, stride, factor, cells };
}

/** Persons inside shares of cells. */
function densityIn(density, area) {
  let sum = 0;
  forEachCell(density, area, (cell, share) => {
    sum += share * density.cells[cell];
  });
  return sum;
}

/** Call with the index and the share of every cell of which some lies inside. */
function forEachCell(density, area, call) {
  for (let r = 0; r < area.rows; r++) {
    for (let c = 0; c < area.columns; c++) {
      const share = area.shares[r * area.columns + c];
      if (share > 0) call((area.row + r) * density.columns + area.column + c, share);
    }
  }
}

/** All of the map, as shares. */
function wholeMap({ rows, columns }) {
  return { row: 0, column: 0, rows, columns, shares: new Float64Array(rows * columns).fill(1) };
}

/** How dense the people stand, at their places: raz.density.crowding. */
function crowding(density, area, local, crowded) {
  let weights = 0;
  let sum = 0;
  forEachCell(density, area, (cell, share) => {
    const people = Math.max(0, density.cells[cell]) * share;
    if (people === 0) return;
    weights += people;
    sum += people * local[cell];
  });
  return weights === 0 ? 0 : sum / weights / crowded;
}

/**
 * The mean density around each cell, in persons per cell of the first look: raz.density.
 *
 * A cell of the first look has `times` cells of the result along each side, of which this map has
 * put `factor` together.
 */
function localDensity(density, { neighbourhood, times }) {
  const block = Math.max(1, Math.round(times / density.factor));
  const blocks = blockSums(density, block);
  const means = boxMeans(blocks, neighbourhood >> 1);
  const scale = (times / (block * density.factor)) ** 2;
  return Float64Array.from(density.cells, (_, cell) => {
    const row = Math.floor(Math.floor(cell / density.columns) / block);
    const column = Math.floor((cell % density.columns) / block);
    return Math.max(0, means[row * blocks.columns + column]) * scale;
  });
}

function blockSums({ rows, columns, cells }, block) {
  if (block === 1) return { rows, columns, cells };
  const sums = { rows: Math.ceil(rows / block), columns: Math.ceil(columns / block) };
  sums.cells = new Float64Array(sums.rows * sums.columns);
  cells.forEach((value, cell) => {
    const row = Math.floor(Math.floor(cell / columns) / block);
    sums.cells[row * sums.columns + Math.floor((cell % columns) / block)] += value;
  });
  return sums;
}

/** Means over squares of cells, of which those outside the map are left out. */
function boxMeans({ rows, columns, cells }, half) {
  const tall = lineMeans(cells, rows, columns, columns, 1, half);
  return lineMeans(tall, columns, rows, 1, columns, half);
}

/** Means along lines of `length` cells, `step` apart; there are `lines` of them, `next` apart. */
function lineMeans(cells, length, lines, step, next, half) {
  const means = new Float64Array(cells.length);
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < length; k++) {
      const first = Math.max(0, k - half);
      const last = Math.min(length - 1, k + half);
      let sum = 0;
      for (let j = first; j <= last; j++) sum += cells[line * next + j * step];
      means[line * next + k * step] = sum / (last - first + 1);
    }
  }
  return means;
}
