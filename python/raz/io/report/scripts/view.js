// The view of one image.

const LAYERS = ["heads", "density", "regions", "zones"];

class View {
  constructor() {
    const canvas = byId("canvas");
    this.painter = new Painter(canvas);
    this.hand = new Hand(canvas, this.painter, (...area) => this.areaChanged(...area), (...place) => this.pointed(...place));
    drawScale(byId("score-bar"), SCORE_STOPS);
    drawScale(byId("density-bar"), DENSITY_STOPS);
    this.listen();
  }

  listen() {
    const { painter, hand } = this;
    const click = (id, act) => byId(id).addEventListener("click", () => {
      act();
      painter.refresh();
    });
    click("zoom-in", () => painter.viewport.zoom(1.5));
    click("zoom-out", () => painter.viewport.zoom(1 / 1.5));
    click("zoom-fit", () => painter.viewport.fit());
    click("draw", () => {
      hand.draw(!hand.drawing);
      byId("canvas").focus({ preventScroll: true });
    });
    click("area-clear", () => hand.set(null));
    click("area-visible", () => {
      const [x1, y1, x2, y2] = painter.viewport.visible.map((value) => Math.round(value * 100) / 100);
      hand.set([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]);
    });
    for (const layer of LAYERS) {
      byId(`show-${layer}`).addEventListener("change", () => this.layersChanged());
    }
    byId("opacity").addEventListener("input", (event) => {
      painter.opacity = event.target.valueAsNumber;
      byId("show-density").checked = true;
      this.layersChanged();
    });
    byId("threshold").addEventListener("input", () => this.thresholdChanged());
    byId("corners").addEventListener("input", (event) => this.cornersTyped(event.target.value));
  }

  layersChanged() {
    for (const layer of LAYERS) this.painter.layers[layer] = byId(`show-${layer}`).checked;
    byId("density-legend").hidden = !this.painter.layers.density;
    byId("score-legend").hidden = !this.painter.layers.heads;
    this.painter.refresh();
  }

  /** Show an image: its figures, and the content of its view or null. */
  async show(figures, content) {
    showFigures(figures, content && content.result);
    byId("workspace").hidden = !content;
    byId("no-view").hidden = Boolean(content);
    this.shown = figures;
    if (!content) return;
    const density = decodeDensity(content.density);
    const bitmap = content.image ? await loaded(content.image) : null;
    if (this.shown !== figures) return; // another one was opened meanwhile
    const { top, cut } = densityTop(density.cells);
    this.image = {
      size: [figures.width, figures.height],
      heads: unpackHeads(content.result.points),
      interval: content.interval,
      ground: content.ground,
      regions: flattened(content.result.regions),
      skipped: content.result.skipped,
      zones: content.zones,
      density,
      densityImage: densityImage(density, top),
      bitmap,
    };
    this.painter.take(this.image);
    this.hand.set(null);
    this.fillPanels(figures, content, top, cut);
    this.thresholdChanged();
    this.layersChanged();
  }

  fillPanels(figures, content, top, cut) {
    const { density } = this.image;
    byId("threshold").value = "0";
    drawScores(byId("scores"), this.image.heads.scores);
    setText("density-sum", tenths(figures.density));
    setText("density-cell", `${density.stride} × ${density.stride} pixels`);
    setText("density-middle", digits(top / 4)); // the scale goes by the root
    setText("density-most", `${digits(top)}${cut ? " or more" : ""}`);
    setText("ground-note", groundWords(this.image));
    showZones(content.zones, content.result.zones, figures.level);
    showTrace(content.result, (region) => this.showRegion(region));
    showAbout(figures, content);
    byId("canvas").setAttribute("aria-label", `Image with ${plural(figures.points, "located head", "located heads")}`);
  }

  showRegion(region) {
    byId("show-regions").checked = true;
    this.painter.selected = region;
    this.painter.viewport.show(region.box);
    this.layersChanged();
  }

  thresholdChanged() {
    const threshold = byId("threshold").valueAsNumber;
    const number = countHeads(this.image.heads, threshold);
    this.painter.threshold = Math.fround(threshold);
    setText("heads-count", WHOLE.format(number));
    setText("threshold-text", threshold.toFixed(2));
    byId("threshold").setAttribute("aria-valuetext", `${threshold.toFixed(2)}: ${plural(number, "head", "heads")}`);
    if (this.hand.closedCorners()) showArea(this.image, this.hand.closedCorners(), threshold);
    this.painter.refresh();
  }

  areaChanged(corners, cornersSoFar = 0) {
    if (!this.image) return;
    byId("draw").setAttribute("aria-pressed", String(this.hand.drawing));
    setText("draw", this.hand.drawing ? "Stop drawing" : "Draw an area");
    showArea(this.image, corners, byId("threshold").valueAsNumber, cornersSoFar);
    if (document.activeElement !== byId("corners")) {
      byId("corners").value = corners ? formatCorners(corners) : "";
      setText("corners-error", "");
    }
  }

  cornersTyped(text) {
    const { corners, error = "" } = parseCorners(text, this.image.size);
    setText("corners-error", error);
    if (!error) this.hand.set(corners);
  }

  pointed(place, reach) {
    const { heads } = this.image;
    const head = nearestHead(heads, this.painter.threshold, place, reach);
    const inside = place.every((value, k) => value >= 0 && value <= this.image.size[k]);
    const at = inside ? `x ${place[0].toFixed(0)}, y ${place[1].toFixed(0)}` : "";
    setText("pointed", head < 0 ? at : `head of score ${heads.scores[head].toFixed(2)} at x ${heads.xs[head].toFixed(1)}, y ${heads.ys[head].toFixed(1)}`);
  }
}

/** The count and its interval, in figures and in words. */
function showFigures(figures, result) {
  const name = baseName(figures.name);
  setText("view-title", name);
  byId("view-title").title = figures.name;
  document.title = `${persons(figures.count)} persons: ${name}`;
  setText("count", persons(figures.count));
  setText("interval", intervalWords(figures));
  setText("summary", summaryWords(figures, result));
  byId("warnings").replaceChildren(...figures.warnings.map((warning) => make("li", {}, warning)));
}

function intervalWords({ low, high, level }) {
  if (low === null || high === null) return "These weights tell no interval.";
  return `${range(low, high)} with ${percent(level)} probability`;
}

function summaryWords({ density, points, width, height, time }, result) {
  const words = [
    `The density map sums to ${tenths(density)} persons, and ${plural(points, "head was", "heads were")} located; the count fuses both.`,
    `The image has ${width} by ${height} pixels${time === null ? "" : `, at ${clock(time)} of the video`}.`,
  ];
  if (result && result.regions.length) words.push(`${plural(flattened(result.regions).length, "region was", "regions were")} enlarged.`);
  return words.join(" ");
}

function groundWords({ ground, density }) {
  const words = [];
  if (density.factor > 1) words.push(`Near its edge approximate: the density is embedded in cells of ${density.stride} pixels.`);
  if (ground) words.push(`Square metres by ${ground.source}.`);
  return words.join(" ");
}

function showAbout(figures, { result, image }) {
  byId("about").replaceChildren(
    term("File", figures.name),
    term("Model", result.model || "unknown"),
    term("raz", result.raz_version),
    ...(image ? [] : [term("Image", "was not at hand")]),
  );
}

/** Decode an image; null where the browser cannot. */
async function loaded(address) {
  const bitmap = new Image();
  bitmap.src = address;
  try {
    await bitmap.decode();
  } catch {
    return null;
  }
  return bitmap;
}
