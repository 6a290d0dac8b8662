// Regions are groups of cells. This file draws their borders on the map and their differences.

const N_SHOWN_DIFFERENCES = 5;

const regionPlane = planes.get("regions")
  || { key: "regions", name: "Regions", group: "map", kind: "region", unit: "region", levels: [], values: data.map.positions.map(() => 0) };
if (!planes.has("regions")) {  // the page was made with a single region, which a reader can split
  planes.set("regions", regionPlane);
  data.planes.splice(1, 0, regionPlane);
}

// The facts about each region of the original page, by the cells of the region.
const described = new Map();
let partition; // labels of cells, and the given names and colors of regions, or ""
let regions = [];

const hasRegions = () => regions.length > 1;
const regionOfUnit = (unit) => regions[regionPlane.values[unit]];
const regionName = (region) => region.number + " \u00b7 " + (region.name || "no name yet");

function unitsByRegion(labels, n) {
  const units = Array.from({ length: n }, () => []);
  labels.forEach((region, unit) => units[region].push(unit));
  return units;
}

unitsByRegion(regionPlane.values, data.regions.length)
  .forEach((units, i) => described.set(String(units), data.regions[i]));

// Makes regions from the labels of cells, the given names and the colors.
function setRegions(next) {
  partition = next;
  const { labels, names, colors } = next;
  regionPlane.values = labels;
  regions = unitsByRegion(labels, names.length).map((units, number) => {
    const told = described.get(String(units));
    const ownName = told && !told.is_named ? told.name : "";
    return { ...(told || countRegion(units)), number, units, ownName, name: names[number] || ownName, color: colors[number] };
  });
}

// The facts that follow from counts of cells. All other facts need the rows.
function countRegion(units) {
  const sum = (values) => units.reduce((total, unit) => total + values[unit], 0);
  const nRows = sum(perUnit.rows);
  const scores = planes.get("mean_score").values.map((mean, unit) => (mean || 0) * perUnit.rows[unit]);
  return {
    n_units: units.length, n_rows: nRows, n_alerts: sum(perUnit.alerts), mean_score: nRows ? sum(scores) / nRows : null,
    labels: [], differences: null,
  };
}

setRegions({
  labels: regionPlane.values, names: data.regions.map((region) => (region.is_named ? region.name : "")),
  colors: data.regions.map((region) => region.color || ""),
});

// The region whose cells are exactly the chosen cells.
function chosenRegion() {
  const [first] = state.cells;
  const region = first === undefined ? null : regionOfUnit(first);
  const isWhole = hasRegions() && region && region.units.length === state.cells.size
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

function borderLine() {
  return data.map.kind === "graph" || !hasRegions() ? ""
    : pathAlong((a, b) => b !== undefined && regionOfUnit(a) !== regionOfUnit(b));
}

function drawRegionsOn({ borders, numbers }, d = borderLine()) {
  borders.replaceChildren(...["under", "over"].map((name) => makeSvg("path", { class: "border " + name, d })));
  numbers.replaceChildren(...regions.map((region) => {
    const [x, y] = middleOf(region);
    return makeSvg("text", { class: "region-number", x, y, dy: ".35em" }, String(region.number));
  }));
}

// The position of the number of a region, on the cell that is nearest to the middle of the region.
function middleOf({ units }) {
  const places = units.map((unit) => data.map.positions[unit]);
  const [x, y] = [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
  const far = places.map((place) => (place[0] - x) ** 2 + (place[1] - y) ** 2);
  return places[far.indexOf(ends(far)[0])];
}

function showRegionsOnMap() {
  for (const { number, borders, numbers } of openDrawings()) {
    borders.toggleAttribute("hidden", !hasRegions() || !byId("borders").checked);
    numbers.toggleAttribute("hidden", state.planes[number].kind !== "region");
  }
}

// Beside the map ---------------------------------------------------------------------------

function fillRegionLists() {
  byId("region-filter").hidden = !hasRegions();
  byId("borders-switch").hidden = !hasRegions() || data.map.kind === "graph";
  byId("regions-note").textContent = hasRegions()
    ? "Regions are groups of similar units. Bars compare the middle half of the rows of a region (in color) with the middle half of all other rows (in gray). For a category, bars are shares. Choose a region to list its rows."
    : "This map does not have separate groups of rows, so it is a single region.";
  byId("region").replaceChildren(byId("region").firstElementChild, ...regions.map((region) =>
    make("option", { value: region.number }, regionName(region))));
}

function fillCards() {
  byId("regions").replaceChildren(...(hasRegions() || isEditing ? regions.map(drawRegion) : []));
}

function listenToRegions() {
  byId("region").addEventListener("change", (event) =>
    chooseRegion(event.target.value === "" ? null : regions[Number(event.target.value)]));
}

function drawRegion(region) {
  const card = make("div", { class: "region", id: "card-" + region.number },
    isEditing ? drawEditor(region) : drawHead(region), ...drawFacts(region));
  card.style.setProperty("--region", regionColor(region.number));
  return card;
}

function drawHead(region) {
  const button = make("button", { type: "button", "data-region": region.number, "aria-pressed": "false" },
    make("span", { class: "swatch" }), make("span", null, region.number + " \u00b7 "), text("span", region.name || "no name yet"));
  button.addEventListener("click", () => {
    chooseRegion(region);
    byId("map-section").scrollIntoView({ block: "nearest" });
  });
  return make("h3", null, button);
}

function drawFacts(region) {
  const { differences } = region;
  return [make("p", null, sayRegion(region)), ...drawRule(region), differences
    ? make("ul", { class: "differences" }, ...differences.slice(0, N_SHOWN_DIFFERENCES)
      .map(drawDifference))
    : make("p", null, "To describe how this region differs from all other rows, make the page again.")];
}

function sayRegion(region) {
  const { n_rows: nRows, n_alerts: nAlerts, mean_score: score } = region;
  const words = [plural(nRows, "row", "rows") + " (" + percent(nRows / data.n_rows) + ") in " + plural(region.n_units, "unit", "units")];
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
  return rule ? [make("p", { class: "rule" }, text("strong", rule.text), " is true for " + percent(rule.inside)
    + " of its rows and for " + percent(rule.outside) + " of all other rows.")] : [];
}

function drawDifference({ column, level, inside, outside }) {
  const isShare = level !== null;
  const say = (side) => (isShare ? percent(side) : sayQuartiles(side.quartiles));
  const [low, high] = isShare ? [0, 1]
    : ends([...(columnOf.get(column) || {}).axis || [], ...inside.at, ...outside.at]);
  const along = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  const bars = [inside, outside].map((side) => {
    const track = make("span", { class: "track", "aria-hidden": "true" });
    const bar = (className, from, to) => {
      const part = make("span", { class: className });
      part.style.left = 100 * from + "%";
      part.style.width = 100 * (to - from) + "%";
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
