// Hands and keys on the canvas: moving and zooming the image, drawing the area.

const NEAR = 12; // screen pixels

class Hand {
  /** Calls changed(corners) with the corners of a closed area, or null. */
  constructor(canvas, painter, changed, pointed) {
    Object.assign(this, { canvas, painter, changed, pointed });
    this.pointers = new Map();
    this.drawing = false;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.up(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get viewport() {
    return this.painter.viewport;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    const lines = event.deltaMode === 1 ? 30 : 1;
    // Where zooming has come to its end, the page scrolls.
    if (this.viewport.zoom(Math.exp(-event.deltaY * lines * 0.0015), this.place(event))) {
      event.preventDefault();
      this.painter.refresh();
    }
  }

  down(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.pointers.set(event.pointerId, place);
    this.start = place;
    this.moved = this.pointers.size > 1;
    this.corner = this.drawing || this.pointers.size > 1 ? -1 : this.cornerAt(place);
  }

  move(event) {
    const place = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.hover(place);
      return;
    }
    if (Math.hypot(place[0] - this.start[0], place[1] - this.start[1]) > 4) this.moved = true;
    if (!this.moved) return;
    this.canvas.classList.add("dragging");
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, place);
    else if (this.corner >= 0) this.drag(place);
    else this.viewport.move(place[0] - before[0], place[1] - before[1]);
    this.pointers.set(event.pointerId, place);
    this.painter.refresh();
  }

  pinch(moving, before, place) {
    const [other] = [...this.pointers].filter(([id]) => id !== moving).map(([, held]) => held);
    const distance = (at) => Math.max(1, Math.hypot(at[0] - other[0], at[1] - other[1]));
    this.viewport.move((place[0] - before[0]) / 2, (place[1] - before[1]) / 2);
    this.viewport.zoom(distance(place) / distance(before), place.map((value, k) => (value + other[k]) / 2));
  }

  up(event) {
    const held = this.pointers.delete(event.pointerId);
    this.canvas.classList.remove("dragging");
    if (held && !this.moved && event.type === "pointerup" && this.drawing) this.add(this.place(event));
    if (this.pointers.size) this.moved = true; // the finger that is left draws no corner
  }

  hover(place) {
    if (this.drawing) {
      this.painter.area.cursor = this.viewport.clamped(place);
      this.painter.refresh();
    }
    this.pointed(this.viewport.toImage(place), NEAR / this.viewport.scale);
  }

  /** Begin an area, or end without one. */
  draw(wanted) {
    this.drawing = wanted;
    this.canvas.classList.toggle("drawing", wanted);
    if (wanted) this.painter.area = { corners: [], closed: false, cursor: null };
    else if (this.painter.area && !this.painter.area.closed) this.painter.area = null;
    this.changed(this.closedCorners());
    this.painter.refresh();
  }

  /** Take the corners of an area from elsewhere. */
  set(corners) {
    this.drawing = false;
    this.canvas.classList.remove("drawing");
    this.painter.area = corners && { corners, closed: true, cursor: null };
    this.changed(this.closedCorners());
    this.painter.refresh();
  }

  closedCorners() {
    return this.painter.area && this.painter.area.closed ? this.painter.area.corners : null;
  }

  add(place) {
    const { corners } = this.painter.area;
    if (corners.length >= 3 && this.cornerAt(place) === 0) {
      this.close();
      return;
    }
    corners.push(this.viewport.clamped(place).map((value) => Math.round(value * 100) / 100));
    this.changed(null, corners.length);
    this.painter.refresh();
  }

  close() {
    if (this.painter.area.corners.length >= 3) this.set(this.painter.area.corners);
  }

  cornerAt(place) {
    if (!this.painter.area) return -1;
    return this.painter.area.corners.findIndex((corner) => {
      const [x, y] = this.viewport.toScreen(corner);
      return Math.hypot(x - place[0], y - place[1]) <= NEAR;
    });
  }

  drag(place) {
    const corners = this.painter.area.corners;
    corners[this.corner] = this.viewport.clamped(place).map((value) => Math.round(value * 100) / 100);
    this.changed(corners);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const handled = arrow ? this.arrow(arrow, event.shiftKey) : this.letter(event.key);
    if (handled) {
      event.preventDefault();
      this.painter.refresh();
    }
  }

  arrow([right, down], fine) {
    if (this.drawing) {
      const step = fine ? 2 : 20;
      const at = this.viewport.toScreen(this.cursor());
      this.painter.area.cursor = this.viewport.clamped([at[0] + right * step, at[1] + down * step]);
    } else {
      const step = fine ? 10 : 80;
      this.viewport.move(-right * step, -down * step);
    }
    return true;
  }

  /** Where the next corner would be; at first in the middle of what is visible. */
  cursor() {
    const { visible } = this.viewport;
    this.painter.area.cursor ??= [(visible[0] + visible[2]) / 2, (visible[1] + visible[3]) / 2];
    return this.painter.area.cursor;
  }

  letter(key) {
    if (key === "+" || key === "=") this.viewport.zoom(1.25);
    else if (key === "-" || key === "_") this.viewport.zoom(0.8);
    else if (key === "0") this.viewport.fit();
    else if (!this.drawing) return false;
    else if (key === " ") this.add(this.viewport.toScreen(this.cursor()));
    else if (key === "Enter") this.close();
    else if (key === "Escape") this.draw(false);
    else if (key === "Backspace") this.removeLast();
    else return false;
    return true;
  }

  removeLast() {
    this.painter.area.corners.pop();
    this.changed(null, this.painter.area.corners.length);
  }
}
