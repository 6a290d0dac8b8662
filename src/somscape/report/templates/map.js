// The map: cells, legend, and what is said of a cell.

const cells = [];
let shownColors = [];
let focused = 0;
let thick = 1; // rings of a large map are larger than its cells

function outline(unit, size) {
  const [x, y] = data.map.positions[unit];
  return data.map.cell.map(([dx, dy]) =>
    (x + size * dx).toFixed(3) + "," + (y + size * dy).toFixed(3)).join(" ");
}

function drawMap() {
  const svg = byId("map");
  const margin = 0.72; // a cell's corner and half the line around it
  const [left, right] = ends(data.map.positions.map(([x]) => x));
  const [top, bottom] = ends(data.map.positions.map(([, y]) => y));
  const box = [left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin];
  svg.setAttribute("viewBox", box.join(" "));
  thick = Math.max(1, (right - left) / 30, (bottom - top) / 30);
  svg.style.setProperty("--thick", thick);
  data.map.positions.forEach((_, unit) => {
    const cell = makeSvg("polygon", {
      class: "cell", points: outline(unit, 1), role: "button", "aria-pressed": "false",
      tabindex: unit === 0 ? "0" : "-1", "data-unit": unit, "aria-label": "Cell " + sayCell(unit),
    });
    cells.push(cell);
  });
  svg.append(...drawEdges(), ...cells, drawBorders(), makeSvg("g", { id: "dot-layer" }), drawNumbers(), makeSvg("g", { id: "ring-layer" }));
  const most = ends(perUnit.alerts)[1];
  perUnit.alerts.forEach((count, unit) => {
    if (!count) return;
    const [x, y] = data.map.positions[unit];
    byId("dot-layer").append(makeSvg("circle", {
      class: "dot", cx: x, cy: y, r: (0.1 + 0.18 * Math.sqrt(count / most)).toFixed(3),
    }));
  });
}

// Sides of cells, each with the one or two cells that it belongs to; a side is called by its middle.
let sides = null;

function findSides() {
  const { cell, positions } = data.map;
  const found = new Map();
  positions.forEach(([x, y], unit) => {
    cell.forEach(([ax, ay], i) => {
      const [bx, by] = cell[(i + 1) % cell.length];
      const key = Math.round(100 * (2 * x + ax + bx)) * 1e6 + Math.round(100 * (2 * y + ay + by));
      const side = found.get(key);
      if (side) side.units.push(unit);
      else found.set(key, { units: [unit], ends: [x + ax, y + ay, x + bx, y + by] });
    });
  });
  return [...found.values()];
}

function pathAlong(isPart) {
  sides ||= findSides();
  const [parts, at] = [[], (value) => value.toFixed(3)];
  for (const { units: [a, b], ends: [x1, y1, x2, y2] } of sides) {
    if (isPart(a, b)) parts.push("M" + at(x1) + "," + at(y1) + "L" + at(x2) + "," + at(y2));
  }
  return parts.join("");
}

function drawEdges() {
  return data.map.edges.map(([a, b]) => {
    const [[x1, y1], [x2, y2]] = [data.map.positions[a], data.map.positions[b]];
    return makeSvg("line", { class: "edge", x1, y1, x2, y2 });
  });
}

function drawRings() {
  const rings = drawChosen();
  if (state.row !== null) rings.push(...drawRing(byRank.get(state.row).unit, "case", 0.86));
  if (document.activeElement === cells[focused] && cells[focused].matches(":focus-visible")) {
    rings.push(...drawRing(focused, "focus", 0.72));
  }
  byId("ring-layer").replaceChildren(...rings);
}

// A ring around one cell, and a line around several.
function drawChosen() {
  if (state.cells.size < 2 || data.map.kind === "graph") {
    return [...state.cells].flatMap((unit) => drawRing(unit, "over", 1));
  }
  const d = pathAlong((a, b) => state.cells.has(a) !== state.cells.has(b));
  return ["under", "over"].map((name) => makeSvg("path", { class: "ring " + name, d }));
}

function drawRing(unit, kind, size) {
  const points = outline(unit, size * thick);
  return ["under", kind].map((name) => makeSvg("polygon", { class: "ring " + name, points }));
}

function sayCell(unit) {
  const alerts = data.score ? ", " + plural(perUnit.alerts[unit], "alert", "alerts") : "";
  return cellName(unit) + ": " + plural(perUnit.rows[unit], "row", "rows") + alerts;
}

function sayPlane(unit) {
  const { plane } = state;
  if (plane.kind === "count") return "";
  const name = plane.group === "map" ? plane.unit : plane.name;
  return name + ": " + describe(plane, unit);
}

function read(unit) {
  byId("readout").textContent = ["Cell " + sayCell(unit), sayPlane(unit)].filter(Boolean).join(". ") + ".";
}

function readChosen() {
  if (state.cells.size === 1) read([...state.cells][0]);
  else if (state.cells.size) {
    const sum = (values) => [...state.cells].reduce((total, unit) => total + values[unit], 0);
    const alerts = data.score ? ", " + plural(sum(perUnit.alerts), "alert", "alerts") : "";
    byId("readout").textContent = plural(state.cells.size, "cell", "cells") + " chosen: "
      + plural(sum(perUnit.rows), "row", "rows") + alerts + ".";
  } else byId("readout").textContent = "Choose a cell to list its rows; drag or hold Shift for several.";
}

// Beside the pointer; keyboards and touch get the same words below the map.
function drawTip(unit, event) {
  const tip = byId("tip");
  tip.hidden = unit === null;
  if (unit === null) return;
  tip.replaceChildren(...["Cell " + sayCell(unit), sayPlane(unit)].filter(Boolean).map((line) => text("div", line)));
  const isRight = event.clientX > window.innerWidth / 2;
  tip.style.left = isRight ? "auto" : event.clientX + 16 + "px";
  tip.style.right = isRight ? window.innerWidth - event.clientX + 16 + "px" : "auto";
  tip.style.top = event.clientY + 16 + "px";
}

function colorMap() {
  const { plane } = state;
  const colors = colorsOf(plane);
  cells.forEach((cell, unit) => {
    if (colors[unit] === shownColors[unit]) return;
    if (colors[unit] === null) cell.removeAttribute("fill");
    else cell.setAttribute("fill", colors[unit]);
  });
  shownColors = colors;
  byId("plane").value = plane.key;
  byId("ramp").value = state.ramp;
  showRegionsOnMap();
  drawLegend();
  readChosen();
}

function drawLegend() {
  const { plane } = state;
  const isNamed = plane.kind === "level" || plane.kind === "region";
  const parts = isNamed ? [levelLegend(plane)] : rampLegend(plane);
  if (plane.values.includes(null)) parts.push(legendLine("swatch empty-key", "no rows"));
  if (byId("dots").checked && data.n_alerts) {
    parts.push(legendLine("dot-key", "alerts in the cell; a larger dot for more"));
  }
  byId("legend").replaceChildren(...parts);
}

function legendLine(key, words) {
  return make("p", { class: "legend-line" }, make("span", { class: key }), words);
}

function rampLegend(plane) {
  const [low, high] = scaleOf(plane);
  const bar = make("div", { class: "ramp" });
  bar.style.background = "linear-gradient(to right, " + rampOf(plane).join(", ") + ")";
  const show = { share: percent, date }[plane.kind] || number;
  const shown = high > low ? [low, (low + high) / 2, high] : [low];
  const ticks = make("div", { class: "ticks" }, ...shown.map((v) => make("span", null, show(v))));
  const label = plane.kind === "share" ? "share of " + plane.levels[0] + " in " + plane.name : plane.unit;
  return [bar, ticks, text("div", label)];
}

function levelLegend(plane) {
  const named = plane.kind === "region" ? regions.map((region, i) => [regionName(region), regionColor(i)])
    : plane.levels.slice(0, LEVELS.length).map((level, i) => [level, levelColor(i)]);
  const nOther = plane.levels.length - named.length;
  if (nOther) named.push([plural(nOther, "other value", "other values"), OTHER]);
  const label = plane.kind === "region" ? "regions" : "prevailing value of " + plane.name;
  return make("ul", { class: "levels", "aria-label": label },
    ...named.map(([level, color]) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = color;
      return make("li", null, swatch, text("span", level));
    }));
}

function fillPlanes() {
  const groups = [["map", "The map"], ["label", "Label"], ["column", "Columns"]].map(([key, label]) =>
    make("optgroup", { label }, ...data.planes.filter((plane) => plane.group === key)
      .map((plane) => make("option", { value: plane.key },
        key === "label" ? "Share of " + plane.name + " " + plane.levels[0] : plane.name))));
  if (data.n_planes_left_out) {
    groups[2].append(make("option", { disabled: "" },
      plural(data.n_planes_left_out, "more column", "more columns") + " left out of this page"));
  }
  byId("plane").append(...groups.filter((group) => group.children.length));
}

function showDots() {
  byId("dot-layer").toggleAttribute("hidden", !byId("dots").checked);
}

function listenToColors() {
  byId("plane").addEventListener("change", (event) => choosePlane(planes.get(event.target.value)));
  byId("ramp").addEventListener("change", (event) => {
    state.ramp = event.target.value;
    colorMap();
    drawGallery();
    keepView();
  });
  byId("dots").addEventListener("change", () => {
    showDots();
    drawLegend();
    keepView();
  });
  byId("borders").addEventListener("change", () => {
    showRegionsOnMap();
    keepView();
  });
}

function choosePlane(plane) {
  state.plane = plane;
  colorMap();
  if (plane.group === "column") chooseColumn(plane.name);
  keepView();
}
