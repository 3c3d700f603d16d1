// Which part of the image the canvas shows. Lengths on the screen are CSS pixels.

const MOST_ZOOM = 40;

class Viewport {
  constructor(size) {
    this.size = size; // of the image
    this.screen = [1, 1];
    this.scale = 1; // screen pixels per pixel of the image
    this.origin = [0, 0]; // the image's corner on the screen
    this.fitted = true;
  }

  /** Take the size of the canvas; what was fitted stays so. */
  resize(width, height) {
    this.screen = [Math.max(1, width), Math.max(1, height)];
    if (this.fitted) this.fit();
    else this.keepInside();
  }

  get fitScale() {
    return Math.min(this.screen[0] / this.size[0], this.screen[1] / this.size[1]);
  }

  fit() {
    this.scale = this.fitScale;
    this.fitted = true;
    this.keepInside();
  }

  /** Show a box [x1, y1, x2, y2] of the image, with some of what is around it. */
  show([x1, y1, x2, y2]) {
    const scale = 0.8 * Math.min(this.screen[0] / (x2 - x1), this.screen[1] / (y2 - y1));
    this.scale = Math.min(MOST_ZOOM, Math.max(this.fitScale, scale));
    this.fitted = false;
    this.origin = this.screen.map((length, k) => length / 2 - (this.scale * (k ? y1 + y2 : x1 + x2)) / 2);
    this.keepInside();
  }

  /** Zoom around a place of the screen; tell whether anything changed. */
  zoom(factor, at = this.screen.map((length) => length / 2)) {
    const scale = Math.min(Math.max(MOST_ZOOM, this.fitScale), Math.max(this.fitScale, this.scale * factor));
    if (scale === this.scale) return false;
    const place = this.toImage(at);
    this.scale = scale;
    this.fitted = scale === this.fitScale;
    this.origin = at.map((value, k) => value - place[k] * scale);
    this.keepInside();
    return true;
  }

  move(right, down) {
    this.origin = [this.origin[0] + right, this.origin[1] + down];
    this.keepInside();
  }

  /** The image fills the canvas, or stands in its middle. */
  keepInside() {
    this.origin = this.origin.map((value, k) => {
      const free = this.screen[k] - this.size[k] * this.scale;
      return free >= 0 ? free / 2 : Math.min(0, Math.max(free, value));
    });
  }

  toImage(place) {
    return place.map((value, k) => (value - this.origin[k]) / this.scale);
  }

  toScreen(place) {
    return place.map((value, k) => value * this.scale + this.origin[k]);
  }

  /** A place of the screen, in the image. */
  clamped(place) {
    return this.toImage(place).map((value, k) => Math.min(this.size[k], Math.max(0, value)));
  }

  /** The visible part of the image [x1, y1, x2, y2]. */
  get visible() {
    return [...this.clamped([0, 0]), ...this.clamped(this.screen)];
  }
}
