// The zoom trace: each region that was seen enlarged, with what was found before and after.

/** All regions, parents first. */
function flattened(regions) {
  return regions.flatMap((region) => [region, ...flattened(region.children)]);
}

/** Fill the panel; chosen(region) is called for the one that a user picks. */
function showTrace(result, chosen) {
  const regions = flattened(result.regions);
  const words = [];
  if (result.scale < 1) words.push(`The first look saw the image at ${digits(result.scale)} of its size.`);
  words.push(regions.length ? `${plural(regions.length, "region was", "regions were")} seen again, enlarged.` : "Nothing was enlarged.");
  if (result.skipped.length) words.push(`${plural(result.skipped.length, "region was", "regions were")} left out by a limit.`);
  setText("trace-summary", words.join(" "));
  byId("trace").replaceChildren(...[regionList(result.regions, chosen), skippedList(result.skipped, chosen)].filter(Boolean));
}

function regionList(regions, chosen) {
  if (!regions.length) return null;
  return make("ul", {}, ...regions.map((region) => {
    const item = make("li", {}, regionButton(region, chosen, [
      `${digits(region.scale)}×: heads ${region.points_before} → ${region.points_after}`,
      `persons by density ${tenths(region.count_before)} → ${tenths(region.count_after)}`,
    ]));
    const inner = regionList(region.children, chosen);
    if (inner) item.append(inner);
    return item;
  }));
}

function skippedList(skipped, chosen) {
  if (!skipped.length) return null;
  return make("ul", {}, ...skipped.map((region) => make("li", {}, regionButton(region, chosen, ["left out", `limit ${region.reason}`]))));
}

function regionButton(region, chosen, lines) {
  const button = make("button", { type: "button", class: "region" }, ...lines.map((line) => make("span", { class: "change" }, line)));
  button.style.borderLeft = `4px solid ${regionColour(region.depth)}`;
  button.addEventListener("click", () => chosen(region));
  return button;
}
