// What an area holds, in figures and in words.

/** Measure an area of an image: {heads, density, interval, ground}. */
function measureArea(image, corners, threshold) {
  const shares = sharesInside(corners, image.size, image.density.stride);
  const density = densityIn(image.density, shares);
  return {
    heads: countHeads(image.heads, threshold, corners, image.size),
    density,
    interval: image.interval && intervalIn(density, crowding(image.density, shares, localOf(image), image.interval.crowded), shareOfImage(shares, image.density, image.size), image.interval),
    ground: image.ground && groundArea(image.ground.matrix, corners),
  };
}

/** The local density of an image, computed once. */
function localOf(image) {
  image.local ??= localDensity(image.density, image.interval);
  return image.local;
}

function showArea(image, corners, threshold, cornersSoFar) {
  byId("area-figures").hidden = !corners;
  byId("area-clear").disabled = !corners && !cornersSoFar;
  if (!corners) {
    setText("area-status", cornersSoFar ? plural(cornersSoFar, "corner", "corners") : "");
    return;
  }
  const found = measureArea(image, corners, threshold);
  setText("area-density", tenths(found.density));
  setText("area-heads", WHOLE.format(found.heads));
  byId("area-interval-row").hidden = !found.interval;
  if (found.interval) {
    setText("area-level", `With ${percent(image.interval.level)} probability`);
    setText("area-interval", range(...found.interval));
  }
  showGround(image, found);
  setText("area-status", areaWords(image, found));
}

function showGround(image, { ground, density }) {
  byId("area-ground-row").hidden = byId("area-rate-row").hidden = !image.ground;
  if (!image.ground) return;
  setText("area-ground", ground === null ? "reaches the horizon" : `${digits(ground)} m²`);
  setText("area-rate", ground ? digits(density / ground) : "unknown");
}

function areaWords(image, { heads, density, interval, ground }) {
  const words = [`${tenths(density)} persons in the area by density`];
  if (interval) words.push(`${range(...interval)} with ${percent(image.interval.level)} probability`);
  words.push(plural(heads, "located head", "located heads"));
  if (ground) words.push(`${digits(density / ground)} persons per square metre`);
  return `${words.join(", ")}.`;
}

/** Read corners, one a line: {corners} or {error}. */
function parseCorners(text, size) {
  const lines = text.split("\n").filter((line) => line.trim());
  if (!lines.length) return { corners: null };
  const corners = [];
  for (const line of lines) {
    const numbers = line.split(/[\s,;]+/).filter(Boolean).map(Number);
    if (numbers.length !== 2 || !numbers.every(Number.isFinite)) return { error: `“${line.trim()}” is not x and y.` };
    if (numbers.some((value, k) => value < 0 || value > size[k])) return { error: `“${line.trim()}” is outside the image of ${size[0]} by ${size[1]} pixels.` };
    corners.push(numbers);
  }
  return corners.length < 3 ? { error: "An area has at least three corners." } : { corners };
}

function formatCorners(corners) {
  return corners.map(([x, y]) => `${x}, ${y}`).join("\n");
}
