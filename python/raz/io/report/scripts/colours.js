// Colours: one scale from orange to blue for scores, one from clear to yellow for density. Both are
// told apart without seeing red and green.

const SCORE_STOPS = [[213, 84, 0], [247, 158, 27], [250, 230, 70], [80, 196, 236], [30, 104, 224]];
const DENSITY_STOPS = [[70, 24, 120, 0], [125, 30, 145, 190], [210, 60, 100, 220], [250, 135, 50, 235], [255, 235, 120, 245]];

/** Look up a value of 0 to 1 between stops. */
function colourOf(stops, value) {
  const place = Math.min(1, Math.max(0, value)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  return stops[below].map((channel, k) => channel + (stops[below + 1][k] - channel) * (place - below));
}

/** Fill a canvas with a scale, from the left to the right. */
function drawScale(canvas, stops) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let x = 0; x < canvas.width; x++) {
    const [red, green, blue, alpha = 255] = colourOf(stops, x / (canvas.width - 1));
    context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
    context.fillRect(x, 0, 1, canvas.height);
  }
}

/** The value that the scale of a density ends at: above all but few cells. */
function densityTop(cells) {
  const positive = cells.filter((value) => value > 0).sort();
  if (!positive.length) return { top: 0, cut: false };
  const top = positive[Math.min(positive.length - 1, Math.floor(positive.length * 0.995))];
  return { top, cut: top < positive[positive.length - 1] };
}

/** Draw the cells into a canvas of one pixel per cell. */
function densityImage({ rows, columns, cells }, top) {
  const canvas = make("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  cells.forEach((value, cell) => {
    // By the root: most cells hold little beside the few that hold a head's centre.
    if (value > 0 && top > 0) image.data.set(colourOf(DENSITY_STOPS, Math.sqrt(value / top)).map(Math.round), 4 * cell);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
