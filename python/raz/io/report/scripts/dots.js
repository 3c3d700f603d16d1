// The heads as dots. They are stamped into pixels: twenty thousand a frame, without a graphics card.

const SCORE_STEPS = 32;

class Dots {
  constructor() {
    this.layer = make("canvas");
    this.made = ""; // what the stamps were made for
  }

  /** Paint heads of a score or more; return how many of them are on the screen. */
  paint(context, heads, threshold, viewport, ratio) {
    this.makeStamps(dotRadius(heads.xs.length, viewport), ratio);
    const [width, height] = [context.canvas.width, context.canvas.height];
    Object.assign(this.layer, { width, height });
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const half = this.side / 2;
    let painted = 0;
    for (let k = 0; k < heads.xs.length; k++) {
      if (!(heads.scores[k] >= threshold)) continue;
      const left = Math.round((heads.xs[k] * viewport.scale + viewport.origin[0]) * ratio - half);
      const top = Math.round((heads.ys[k] * viewport.scale + viewport.origin[1]) * ratio - half);
      if (left <= -this.side || top <= -this.side || left >= width || top >= height) continue;
      this.stamp(pixels, width, height, left, top, this.stamps[Math.round(Math.min(1, heads.scores[k]) * (SCORE_STEPS - 1))]);
      painted++;
    }
    this.layer.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(this.layer, 0, 0, width / ratio, height / ratio);
    return painted;
  }

  /** Copy a dot; where dots overlap, the more opaque pixel stays. */
  stamp(pixels, width, height, left, top, dot) {
    const lastRow = Math.min(this.side, height - top);
    const lastColumn = Math.min(this.side, width - left);
    for (let row = Math.max(0, -top); row < lastRow; row++) {
      for (let column = Math.max(0, -left); column < lastColumn; column++) {
        const pixel = dot[row * this.side + column];
        const at = (top + row) * width + left + column;
        if (pixel >>> 24 > pixels[at] >>> 24) pixels[at] = pixel; // the opacity, in the last byte
      }
    }
  }

  /** Draw one dot for each step of the scale. */
  makeStamps(radius, ratio) {
    if (this.made === `${radius} ${ratio}`) return;
    this.made = `${radius} ${ratio}`;
    this.side = Math.ceil((2 * radius + 3) * ratio);
    const context = make("canvas", { width: this.side, height: this.side }).getContext("2d", { willReadFrequently: true });
    this.stamps = Array.from({ length: SCORE_STEPS }, (_, step) => {
      const [red, green, blue] = colourOf(SCORE_STOPS, step / (SCORE_STEPS - 1));
      context.clearRect(0, 0, this.side, this.side);
      for (const [reach, colour] of [[radius + 1, "rgb(0 0 0 / 70%)"], [radius, `rgb(${red} ${green} ${blue})`]]) {
        context.beginPath();
        context.arc(this.side / 2, this.side / 2, reach * ratio, 0, 2 * Math.PI);
        context.fillStyle = colour;
        context.fill();
      }
      return new Uint32Array(context.getImageData(0, 0, this.side, this.side).data.buffer);
    });
  }
}

/** Small where heads stand close on the screen. */
function dotRadius(number, { size, scale }) {
  const spacing = Math.sqrt((size[0] * size[1]) / Math.max(1, number)) * scale;
  return Math.round(4 * Math.min(6, Math.max(1.5, 0.075 * spacing))) / 4;
}
