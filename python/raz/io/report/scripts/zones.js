// Named zones: how many are in each, and their outlines on the canvas.

const ZONE_COLOUR = "#ffeb3b";

/** Fill the panel: zones are [{name, rings}], figures what is in each by its name. */
function showZones(zones, figures, level) {
  byId("zones").hidden = byId("zones-layer").hidden = !zones.length;
  const columns = ["Heads", "Density", `${percent(level)} interval`].map((name) => make("th", { scope: "col" }, name));
  byId("zones-head").replaceChildren(make("tr", {}, make("th", { scope: "col", class: "name" }, "Zone"), ...columns));
  byId("zones-body").replaceChildren(...zones.map(({ name }) => zoneRow(name, figures[name])));
}

function zoneRow(name, zone) {
  const cells = [WHOLE.format(zone.count_points), tenths(zone.count_density), range(zone.count_low, zone.count_high)];
  return make("tr", {}, make("th", { scope: "row", class: "name" }, name), ...cells.map((text) => make("td", {}, text)));
}

function paintZones(context, zones, viewport) {
  context.lineJoin = "round";
  for (const { rings } of zones) {
    context.beginPath();
    for (const ring of rings) {
      ring.forEach((corner, k) => context[k ? "lineTo" : "moveTo"](...viewport.toScreen(corner)));
    }
    for (const [line, colour] of [[4, "rgb(0 0 0 / 60%)"], [2, ZONE_COLOUR]]) {
      context.lineWidth = line;
      context.strokeStyle = colour;
      context.stroke();
    }
  }
  for (const { name, rings } of zones) if (rings.length) paintName(context, name, rings[0], viewport);
}

/** A zone's name, in the middle of what of its first ring lies in the image. */
function paintName(context, name, ring, viewport) {
  const middle = [0, 1].map((k) => {
    const places = ring.map((corner) => Math.min(viewport.size[k], Math.max(0, corner[k])));
    return (places.reduce((a, b) => Math.min(a, b)) + places.reduce((a, b) => Math.max(a, b))) / 2;
  });
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.strokeStyle = "rgb(0 0 0 / 75%)";
  context.strokeText(name, ...viewport.toScreen(middle));
  context.fillStyle = ZONE_COLOUR;
  context.fillText(name, ...viewport.toScreen(middle));
}
