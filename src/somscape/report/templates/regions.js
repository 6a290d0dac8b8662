// Regions: connected groups of cells, their borders on the map, and what sets each apart.

const N_SHOWN_DIFFERENCES = 5;

const regionOfUnit = planes.has("regions") ? planes.get("regions").values : data.map.positions.map(() => 0);
const regions = data.regions.map((region, i) => ({ ...region, number: i + 1, units: [] }));
regionOfUnit.forEach((region, unit) => regions[region].units.push(unit));
const hasRegions = regions.length > 1;

const regionName = (region) => region.number + " \u00b7 " + region.name;

// The region whose cells are chosen, all of them and no others.
function chosenRegion() {
  const [first] = state.cells;
  const region = first === undefined ? null : regions[regionOfUnit[first]];
  const isWhole = hasRegions && region && region.units.length === state.cells.size
    && region.units.every((unit) => state.cells.has(unit));
  return isWhole ? region : null;
}

function chooseRegion(region) {
  chooseCells(region === null || region === chosenRegion() ? [] : region.units);
}

function markRegion() {
  const chosen = chosenRegion();
  byId("region").value = chosen ? String(chosen.number) : "";
  for (const button of document.querySelectorAll("#regions h3 button")) {
    button.setAttribute("aria-pressed", String(chosen !== null && Number(button.dataset.region) === chosen.number));
  }
}

// On the map -------------------------------------------------------------------------------

function drawBorders() {
  const d = data.map.kind === "graph" ? ""
    : pathAlong((a, b) => b !== undefined && regionOfUnit[a] !== regionOfUnit[b]);
  return makeSvg("g", { id: "border-layer" },
    ...["under", "over"].map((name) => makeSvg("path", { class: "border " + name, d })));
}

// Where a region's number stands: on its cell that is nearest to the middle of all of them.
function middleOf({ units }) {
  const places = units.map((unit) => data.map.positions[unit]);
  const [x, y] = [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
  const far = places.map((place) => (place[0] - x) ** 2 + (place[1] - y) ** 2);
  return places[far.indexOf(ends(far)[0])];
}

function drawNumbers() {
  return makeSvg("g", { id: "number-layer", "aria-hidden": "true" }, ...regions.map((region) => {
    const [x, y] = middleOf(region);
    return makeSvg("text", { class: "region-number", x, y, dy: ".35em" }, String(region.number));
  }));
}

function showRegionsOnMap() {
  byId("border-layer").toggleAttribute("hidden", !hasRegions || !byId("borders").checked);
  byId("number-layer").toggleAttribute("hidden", state.plane.kind !== "region");
}

// Beside the map ---------------------------------------------------------------------------

function fillRegions() {
  byId("region-filter").hidden = !hasRegions;
  byId("borders-switch").hidden = !hasRegions || data.map.kind === "graph";
  byId("regions-note").textContent = hasRegions
    ? "Groups of cells that lie apart. Bars compare where the middle half of a region's rows lies, in color, with all other rows, in gray; of a category they are shares. Choose a region to list its rows."
    : "No groups of rows lie apart on this map: it is one region.";
  if (!hasRegions) return;
  byId("region").append(...regions.map((region) =>
    make("option", { value: region.number }, regionName(region))));
  byId("region").addEventListener("change", (event) =>
    chooseRegion(regions[Number(event.target.value) - 1] || null));
  byId("regions").append(...regions.map(drawRegion));
}

function drawRegion(region) {
  const swatch = make("span", { class: "swatch" });
  swatch.style.background = regionColor(region.number - 1);
  const button = make("button", { type: "button", "data-region": region.number, "aria-pressed": "false" },
    swatch, make("span", null, region.number + " \u00b7 "), text("span", region.name));
  button.addEventListener("click", () => {
    chooseRegion(region);
    byId("map-section").scrollIntoView({ block: "nearest" });
  });
  return make("div", { class: "region" }, make("h3", null, button), make("p", null, sayRegion(region)), ...drawRule(region),
    make("ul", { class: "differences" }, ...region.differences.slice(0, N_SHOWN_DIFFERENCES)
      .map((difference) => drawDifference(difference, swatch.style.background))));
}

function sayRegion(region) {
  const { n_rows: nRows, n_alerts: nAlerts, mean_score: score } = region;
  const words = [plural(nRows, "row", "rows") + " (" + percent(nRows / data.n_rows) + ") in " + plural(region.n_units, "cell", "cells")];
  if (data.score && nRows) words.push(plural(nAlerts, "alert", "alerts") + " (" + percent(nAlerts / nRows) + ")");
  if (nRows) words.push((data.score ? "mean score " : "mean distance ") + aligned(score));
  const compared = data.agreement && data.agreement.value;
  const name = (data.planes.find((plane) => plane.group === "label") || {}).name;
  for (const { value, n_with: nWith, n_known: nKnown } of region.labels) {
    if (compared === null || compared === undefined || compared === value) {
      words.push(name + " " + value + ": " + percent(nWith / nKnown) + " of " + number(nKnown));
    }
  }
  return words.join(", ");
}

function drawRule({ rule }) {
  return rule === null ? [] : [make("p", { class: "rule" }, text("strong", rule.text), " holds for " + percent(rule.inside)
    + " of its rows and " + percent(rule.outside) + " of the others.")];
}

function drawDifference({ column, level, inside, outside }, color) {
  const isShare = level !== null;
  const say = (side) => (isShare ? percent(side) : sayQuartiles(side.quartiles));
  const [low, high] = isShare ? [0, 1]
    : ends([...(columnOf.get(column) || {}).axis || [], ...inside.at, ...outside.at]);
  const along = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  const bars = [inside, outside].map((side, i) => {
    const track = make("span", { class: "track", "aria-hidden": "true" });
    const bar = (className, from, to) => {
      const part = make("span", { class: className });
      part.style.left = 100 * from + "%";
      part.style.width = 100 * (to - from) + "%";
      if (!i) part.style.background = color;
      track.append(part);
    };
    if (isShare) bar("span", 0, side);
    else bar("span", along(side.at[0]), along(side.at[2]));
    return track;
  });
  const name = text("span", isShare ? column + " = " + level : column, "column");
  return make("li", null, make("span", { class: "line" }, name, " ", text("span", say(inside), "value"), " ",
    make("span", { class: "usual" }, "elsewhere ", text("span", say(outside)))), ...bars);
}

function sayQuartiles([low, median, high]) {
  return low === high ? inWords(low) : inWords(low) + " to " + inWords(high) + ", median " + inWords(median);
}
