// Counts over the time of a video.

const CHART = { width: 960, height: 260, left: 52, right: 12, top: 12, bottom: 32 };
const MOST_PLACES = 900; // more frames than that share places

/** Make the chart of each video among the images. */
function videoCharts(images) {
  const videos = new Map();
  images.forEach((image) => {
    if (image.time === null || image.count === null) return;
    const name = image.name.replace(/#t=[\d.]+$/, "");
    videos.set(name, [...(videos.get(name) ?? []), image]);
  });
  return [...videos].filter(([, frames]) => frames.length > 1).map(([name, frames]) => videoChart(name, frames));
}

function videoChart(name, frames) {
  const shown = thinned([...frames].sort((a, b) => a.time - b.time));
  const scales = chartScales(shown);
  const least = shown.reduce((a, b) => (b.count < a.count ? b : a));
  const most = shown.reduce((a, b) => (b.count > a.count ? b : a));
  const words = `${baseName(name)}: persons over time. Least ${persons(least.count)} at ${clock(least.time)}, most ${persons(most.count)} at ${clock(most.time)}.`;
  const svg = makeSvg("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": words }, ...chartAxes(scales), ...chartBand(shown, scales), chartLine(shown, scales));
  const hit = makeSvg("rect", { class: "hit", x: CHART.left, y: 0, width: CHART.width - CHART.left, height: CHART.height });
  hit.addEventListener("click", (event) => openNearest(event, svg, shown, scales));
  svg.append(hit);
  const band = shown.some((frame) => frame.low !== null) ? ` The band is the interval of ${percent(shown[0].level)} probability.` : "";
  return make("figure", { class: "chart" }, make("figcaption", {}, `${words}${band}`), svg);
}

/** Of many frames, of each place the one with the greatest count. */
function thinned(frames) {
  if (frames.length <= MOST_PLACES) return frames;
  const size = frames.length / MOST_PLACES;
  return Array.from({ length: MOST_PLACES }, (_, k) =>
    frames.slice(Math.floor(k * size), Math.floor((k + 1) * size)).reduce((a, b) => (b.count > a.count ? b : a)));
}

function chartScales(frames) {
  const first = frames[0].time;
  const length = frames[frames.length - 1].time - first || 1;
  const ticks = niceTicks(Math.max(1, ...frames.map((frame) => frame.high ?? frame.count)));
  const top = ticks[ticks.length - 1];
  return {
    first,
    length,
    ticks,
    x: (time) => CHART.left + ((time - first) / length) * (CHART.width - CHART.left - CHART.right),
    y: (count) => CHART.height - CHART.bottom - (count / top) * (CHART.height - CHART.top - CHART.bottom),
  };
}

/** Whole steps of 1, 2 or 5 up to a number. */
function niceTicks(most) {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, k) => k * step);
}

function chartAxes({ first, length, ticks, x, y }) {
  const rows = ticks.flatMap((tick) => [
    makeSvg("line", { class: "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: y(tick), y2: y(tick) }),
    makeSvg("text", { x: CHART.left - 8, y: y(tick) + 4, "text-anchor": "end" }, digits(tick)),
  ]);
  const columns = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    makeSvg("text", { x: x(first + part * length), y: CHART.height - 8, "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle" }, clock(first + part * length)));
  return [...rows, ...columns];
}

function chartBand(frames, { x, y }) {
  const known = frames.filter((frame) => frame.low !== null && frame.high !== null);
  if (!known.length) return [];
  const corners = [...known.map((frame) => [frame.time, frame.high]), ...known.reverse().map((frame) => [frame.time, frame.low])];
  return [makeSvg("polygon", { class: "band", points: corners.map(([time, count]) => `${x(time)},${y(count)}`).join(" ") })];
}

function chartLine(frames, { x, y }) {
  return makeSvg("polyline", { class: "line", points: frames.map((frame) => `${x(frame.time)},${y(frame.count)}`).join(" ") });
}

function openNearest(event, svg, frames, { x }) {
  const box = svg.getBoundingClientRect();
  const place = ((event.clientX - box.left) / box.width) * CHART.width;
  const nearest = frames.reduce((a, b) => (Math.abs(x(b.time) - place) < Math.abs(x(a.time) - place) ? b : a));
  location.hash = `image-${nearest.index + 1}`;
}
