// The table of all images: sorted by any column, a hundred rows at a time.

const ROWS = 100;

const COLUMNS = [
  { name: "Image", value: (image) => image.name, text: (image) => baseName(image.name) },
  { name: "Time", value: (image) => image.time, text: (image) => (image.time === null ? "" : clock(image.time)), wanted: (image) => image.time !== null },
  { name: "Persons", value: (image) => image.count, text: (image) => tenths(image.count), main: true },
  { name: "Interval", value: (image) => image.low, text: (image) => (image.low === null ? "" : range(image.low, image.high)), wanted: (image) => image.low !== null },
  { name: "Density", value: (image) => image.density, text: (image) => tenths(image.density) },
  { name: "Heads", value: (image) => image.points, text: (image) => WHOLE.format(image.points) },
  { name: "Pixels", value: (image) => image.width * image.height, text: (image) => `${image.width} × ${image.height}` },
  { name: "Doubts", value: (image) => image.warnings.length, text: (image) => (image.warnings.length ? WHOLE.format(image.warnings.length) : ""), wanted: (image) => image.warnings.length > 0 },
];

const WORD_ORDER = new Intl.Collator("en", { numeric: true });

class Table {
  constructor(images) {
    this.images = images;
    this.columns = COLUMNS.filter(({ wanted }) => !wanted || images.some(wanted));
    this.sorted = null; // the column's name; null for the order of the report
    this.descending = false;
    this.first = 0;
    const level = images.find((image) => image.low !== null)?.level;
    setText("table-caption", `Persons: density and heads fused.${level ? ` Interval: holds the true number with ${percent(level)} probability.` : ""} Select the name of a column to sort by it.`);
    byId("table-previous").addEventListener("click", () => this.turn(-ROWS));
    byId("table-next").addEventListener("click", () => this.turn(ROWS));
    this.fill();
  }

  /** Sort by a column: ascending, then descending, then as in the report. */
  sort(name) {
    if (this.sorted !== name) [this.sorted, this.descending] = [name, false];
    else if (!this.descending) this.descending = true;
    else [this.sorted, this.descending] = [null, false];
    this.first = 0;
    this.fill();
    byId("table").querySelectorAll("thead button")[this.columns.findIndex((column) => column.name === name)].focus();
  }

  turn(rows) {
    this.first += rows;
    this.fill();
  }

  get ordered() {
    const column = this.columns.find(({ name }) => name === this.sorted);
    if (!column) return this.images;
    const sign = this.descending ? -1 : 1;
    return [...this.images].sort((a, b) => sign * compared(column.value(a), column.value(b)));
  }

  fill() {
    const thumbnails = this.images.some((image) => image.thumbnail);
    byId("table").tHead.replaceChildren(make("tr", {}, ...(thumbnails ? [make("td")] : []), ...this.columns.map((column) => this.head(column))));
    const rows = this.ordered.slice(this.first, this.first + ROWS);
    byId("table").tBodies[0].replaceChildren(...rows.map((image) => this.row(image, thumbnails)));
    const last = this.first + rows.length;
    byId("table-pages").hidden = this.images.length <= ROWS;
    setText("table-range", `Rows ${this.first + 1} to ${last} of ${this.images.length}`);
    byId("table-previous").disabled = this.first === 0;
    byId("table-next").disabled = last >= this.images.length;
  }

  head({ name }) {
    const sorted = this.sorted === name;
    const button = make("button", { type: "button" }, sorted ? `${name} ${this.descending ? "↓" : "↑"}` : name);
    button.addEventListener("click", () => this.sort(name));
    const head = make("th", { scope: "col", class: name === "Image" ? "name" : "" }, button);
    if (sorted) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
    return head;
  }

  row(image, thumbnails) {
    const cells = this.columns.slice(1).map((column) => make("td", { class: column.main ? "main" : "" }, column.text(image)));
    const link = make("a", { href: `#image-${image.index + 1}`, title: image.name }, this.columns[0].text(image));
    const thumbnail = thumbnails ? [make("td", { class: "thumbnail" }, ...(image.thumbnail ? [make("img", { src: image.thumbnail, alt: "" })] : []))] : [];
    return make("tr", {}, ...thumbnail, make("th", { scope: "row", class: "name" }, link), ...cells);
  }
}

function compared(a, b) {
  if (typeof a === "string") return WORD_ORDER.compare(a, b);
  return (a ?? -Infinity) - (b ?? -Infinity);
}

/** "3 images", or "3 frames" where all are of videos. */
function imagesInWords(images) {
  return images.length && images.every((image) => image.time !== null) ? plural(images.length, "frame", "frames") : plural(images.length, "image", "images");
}

/** All images in a sentence. */
function overviewWords(images) {
  const counts = images.map((image) => image.count).filter((count) => count !== null).sort((a, b) => a - b);
  if (!counts.length) return "No image has a count.";
  const middle = (counts[Math.floor((counts.length - 1) / 2)] + counts[Math.ceil((counts.length - 1) / 2)]) / 2;
  const doubtful = images.filter((image) => image.warnings.length).length;
  return `From ${persons(counts[0])} to ${persons(counts[counts.length - 1])} persons in an image, the median is ${persons(middle)}.${doubtful ? ` ${plural(doubtful, "count is", "counts are")} doubtful.` : ""}`;
}
