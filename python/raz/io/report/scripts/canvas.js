// What the canvas shows: the image, and over it density, regions, zones, heads and the area.

const REGION_COLOURS = ["#00c8ff", "#ffcc00", "#78e650", "#e678ff"];

class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.layers = { heads: true, density: false, regions: false, zones: true };
    this.opacity = 0.7;
    this.dots = new Dots();
    this.pending = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  /** Show another image: {size, bitmap, heads, density, regions, skipped, zones}. */
  take(image) {
    this.image = image;
    this.viewport = new Viewport(image.size);
    this.threshold = 0;
    this.area = null;
    this.selected = null;
    this.canvas.style.aspectRatio = `${image.size[0]} / ${image.size[1]}`;
    this.resize();
  }

  resize() {
    if (!this.image || !this.canvas.clientWidth) return;
    this.ratio = Math.min(3, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(this.canvas.clientWidth * this.ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * this.ratio);
    this.viewport.resize(this.canvas.clientWidth, this.canvas.clientHeight);
    this.paint();
  }

  /** Ask for the next frame to be painted. */
  refresh() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.paint();
    });
  }

  paint() {
    if (!this.image) return;
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.scale(this.ratio, this.ratio);
    this.paintBitmap(context);
    if (this.layers.density) this.paintDensity(context);
    if (this.layers.regions) this.paintRegions(context);
    if (this.layers.zones) paintZones(context, this.image.zones, this.viewport);
    if (this.layers.heads) this.dots.paint(context, this.image.heads, this.threshold, this.viewport, this.ratio);
    this.paintArea(context);
  }

  paintBitmap(context) {
    const { origin, scale, size } = this.viewport;
    const box = [...origin, size[0] * scale, size[1] * scale];
    if (this.image.bitmap) {
      context.imageSmoothingEnabled = scale * (size[0] / this.image.bitmap.naturalWidth) < 4;
      context.drawImage(this.image.bitmap, ...box);
    } else {
      context.fillStyle = "#767b84";
      context.fillRect(...box);
    }
  }

  paintDensity(context) {
    const { origin, scale, size } = this.viewport;
    const { stride, rows, columns } = this.image.density;
    context.save();
    context.beginPath();
    context.rect(...origin, size[0] * scale, size[1] * scale);
    context.clip();
    context.globalAlpha = this.opacity;
    context.imageSmoothingEnabled = stride * scale < 24; // enlarged, the cells themselves
    context.drawImage(this.image.densityImage, ...origin, columns * stride * scale, rows * stride * scale);
    context.restore();
  }

  paintRegions(context) {
    for (const region of this.image.skipped) this.paintBox(context, region, [6, 5]);
    for (const region of this.image.regions) this.paintBox(context, region, []);
    if (this.selected) this.paintBox(context, this.selected, [], 4);
  }

  paintBox(context, { box, depth }, dashes, width = 2) {
    const [x1, y1] = this.viewport.toScreen(box.slice(0, 2));
    const [x2, y2] = this.viewport.toScreen(box.slice(2));
    for (const [line, colour] of [[width + 2, "rgb(0 0 0 / 60%)"], [width, regionColour(depth)]]) {
      context.lineWidth = line;
      context.strokeStyle = colour;
      context.setLineDash(dashes);
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    context.setLineDash([]);
  }

  paintArea(context) {
    if (!this.area || !this.area.corners.length) return;
    const places = [...this.area.corners, ...(this.area.cursor ? [this.area.cursor] : [])].map((corner) => this.viewport.toScreen(corner));
    context.beginPath();
    places.forEach(([x, y]) => context.lineTo(x, y));
    if (this.area.closed) {
      context.closePath();
      context.fillStyle = "rgb(255 255 255 / 18%)";
      context.fill("evenodd");
    }
    for (const [line, colour] of [[5, "rgb(0 0 0 / 65%)"], [2, "#fff"]]) {
      context.lineWidth = line;
      context.strokeStyle = colour;
      context.stroke();
    }
    for (const corner of this.area.corners) this.paintCorner(context, this.viewport.toScreen(corner));
    if (!this.area.closed && this.area.cursor) this.paintCorner(context, this.viewport.toScreen(this.area.cursor));
  }

  paintCorner(context, [x, y]) {
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fillStyle = "#fff";
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "rgb(0 0 0 / 80%)";
    context.stroke();
  }
}

function regionColour(depth) {
  return REGION_COLOURS[(depth - 2) % REGION_COLOURS.length];
}
