// The interval of a count in an area: raz.intervals.Spread, at the one level of the report.

/** Return [low, high], persons. */
function intervalIn(count, crowded, share, spread) {
  const persons = count < 0 ? 0 : count;
  const smallest = Math.max(share, spread.cellShare);
  const smallness = Math.log(Math.min(1, smallest)) / Math.log(spread.cellShare);
  const quantile = (1 - smallness) * spread.image + smallness * spread.cell;
  const half = quantile * (persons + spread.offset * smallest) * (1 + crowded) ** spread.growth;
  return [Math.max(0, persons - half), persons + half];
}

/** The share of the image that shares of cells make up. */
function shareOfImage(area, density, size) {
  let pixels = 0;
  for (let r = 0; r < area.rows; r++) {
    const tall = Math.min(density.stride, size[1] - (area.row + r) * density.stride);
    for (let c = 0; c < area.columns; c++) {
      const wide = Math.min(density.stride, size[0] - (area.column + c) * density.stride);
      pixels += tall * wide * area.shares[r * area.columns + c];
    }
  }
  return pixels / (size[0] * size[1]);
}
