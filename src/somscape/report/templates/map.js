// The map: cells, colors, legend, and the cell that was chosen.

function mix(colors, share) {
  const at = Math.min(1, Math.max(0, share)) * (colors.length - 1);
  const low = Math.min(Math.floor(at), colors.length - 2);
  const channel = (i, from) => parseInt(colors[i].slice(from, from + 2), 16);
  const parts = [1, 3, 5].map((from) =>
    Math.round(channel(low, from) + (at - low) * (channel(low + 1, from) - channel(low, from))));
  return "rgb(" + parts.join(",") + ")";
}

function scaleOf(plane) {
  if (plane.kind === "share") return [0, 1];
  const present = plane.values.filter((value) => value !== null);
  const [low, high] = present.length ? ends(present) : [0, 0];
  return [plane.kind === "count" ? 0 : low, high];
}

const rampOf = (plane) => (plane.key === "u_heights" ? BONE : VIRIDIS);
const levelColor = (i) => (i < LEVELS.length ? LEVELS[i] : OTHER);

function colorsOf(plane) {
  if (plane.kind === "level") return plane.values.map(levelColor);
  const [low, high] = scaleOf(plane);
  const ramp = rampOf(plane);
  return plane.values.map((value) =>
    value === null ? null : mix(ramp, high > low ? (value - low) / (high - low) : 0));
}

function describe(plane, unit) {
  const value = plane.values[unit];
  if (value === null) return "no rows";
  if (plane.kind === "level") return plane.levels[value];
  if (plane.kind === "share") return percent(value) + " " + plane.levels[0];
  return number(value);
}

const state = { plane: data.planes[0], cell: null, sort: "rank", isDown: false, nShown: PAGE_SIZE };
const cells = [];
let focused = 0;

function outline(unit, size) {
  const [x, y] = data.map.positions[unit];
  return data.map.cell.map(([dx, dy]) =>
    (x + size * dx).toFixed(3) + "," + (y + size * dy).toFixed(3)).join(" ");
}

function drawMap() {
  const svg = byId("map");
  const reach = 0.72; // a cell's corner and half the line around it
  const [left, right] = ends(data.map.positions.map(([x]) => x));
  const [top, bottom] = ends(data.map.positions.map(([, y]) => y));
  const box = [left - reach, top - reach, right - left + 2 * reach, bottom - top + 2 * reach];
  svg.setAttribute("viewBox", box.join(" "));
  data.map.positions.forEach((_, unit) => {
    const cell = makeSvg("polygon", {
      class: "cell", points: outline(unit, 1), role: "button", "aria-pressed": "false",
      tabindex: unit === 0 ? "0" : "-1", "data-unit": unit,
    });
    cells.push(cell);
  });
  svg.append(...drawEdges(), ...cells, makeSvg("g", { id: "dot-layer" }), makeSvg("g", { id: "ring-layer" }));
  const most = ends(perUnit.alerts)[1];
  perUnit.alerts.forEach((count, unit) => {
    if (!count) return;
    const [x, y] = data.map.positions[unit];
    byId("dot-layer").append(makeSvg("circle", {
      class: "dot", cx: x, cy: y, r: (0.1 + 0.18 * Math.sqrt(count / most)).toFixed(3),
    }));
  });
  listenToMap(svg);
}

function drawEdges() {
  return data.map.edges.map(([a, b]) => {
    const [[x1, y1], [x2, y2]] = [data.map.positions[a], data.map.positions[b]];
    return makeSvg("line", { class: "edge", x1, y1, x2, y2 });
  });
}

function listenToMap(svg) {
  const unitOf = (event) => event.target.dataset.unit;
  svg.addEventListener("click", (event) => {
    if (unitOf(event) !== undefined) chooseCell(Number(unitOf(event)));
  });
  svg.addEventListener("pointerover", (event) => {
    if (unitOf(event) !== undefined) read(Number(unitOf(event)));
  });
  svg.addEventListener("pointerleave", () => read(state.cell));
  svg.addEventListener("focusin", (event) => {
    if (unitOf(event) === undefined) return;
    moveFocus(Number(unitOf(event)));
  });
  svg.addEventListener("focusout", () => drawRings());
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") chooseCell(focused);
    else if (event.key === "Escape") chooseCell(null);
    else if (!step(event.key)) return;
    event.preventDefault();
  });
}

function step(key) {
  const [row, col] = place(focused);
  const [down, right] = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  }[key] || [0, 0];
  if (!down && !right) return false;
  const isInside = (value, count) => value >= 0 && value < count;
  if (isInside(row + down, data.map.n_rows) && isInside(col + right, data.map.n_cols)) {
    cells[(row + down) * data.map.n_cols + col + right].focus();
  }
  return true;
}

function moveFocus(unit) {
  cells[focused].setAttribute("tabindex", "-1");
  focused = unit;
  cells[unit].setAttribute("tabindex", "0");
  drawRings();
  read(unit);
}

function drawRings() {
  const rings = [];
  if (state.cell !== null) {
    rings.push(makeSvg("polygon", { class: "ring under", points: outline(state.cell, 1) }));
    rings.push(makeSvg("polygon", { class: "ring over", points: outline(state.cell, 1) }));
  }
  if (document.activeElement === cells[focused] && cells[focused].matches(":focus-visible")) {
    rings.push(makeSvg("polygon", { class: "ring under", points: outline(focused, 0.8) }));
    rings.push(makeSvg("polygon", { class: "ring focus", points: outline(focused, 0.8) }));
  }
  byId("ring-layer").replaceChildren(...rings);
}

function sayCell(unit) {
  return cellName(unit) + ": " + plural(perUnit.rows[unit], "row", "rows") + ", "
    + plural(perUnit.alerts[unit], "alert", "alerts");
}

function read(unit) {
  if (unit === null) {
    byId("readout").textContent = "Choose a cell to list its rows.";
    return;
  }
  const { plane } = state;
  const value = plane.kind === "count"
    ? "" : ". " + (plane.group === "column" ? plane.name : plane.unit) + ": " + describe(plane, unit);
  byId("readout").textContent = "Cell " + sayCell(unit) + value + ".";
}

function colorMap() {
  const { plane } = state;
  const colors = colorsOf(plane);
  cells.forEach((cell, unit) => {
    cell.classList.toggle("empty", colors[unit] === null);
    if (colors[unit] === null) cell.removeAttribute("fill");
    else cell.setAttribute("fill", colors[unit]);
    const value = plane.kind === "count" ? "" : "; " + plane.name + " " + describe(plane, unit);
    cell.setAttribute("aria-label", "Cell " + sayCell(unit) + value);
  });
  drawLegend();
  read(state.cell);
}

function drawLegend() {
  const { plane } = state;
  const parts = plane.kind === "level" ? [levelLegend(plane)] : rampLegend(plane);
  if (byId("dots").checked && data.n_alerts) {
    const key = make("span", { class: "dot-key" });
    parts.push(make("p", { class: "legend-line" }, key, "alerts in the cell; a larger dot for more"));
  }
  byId("legend").replaceChildren(...parts);
}

function rampLegend(plane) {
  const [low, high] = scaleOf(plane);
  const bar = make("div", { class: "ramp" });
  bar.style.background = "linear-gradient(to right, " + rampOf(plane).join(", ") + ")";
  const show = plane.kind === "share" ? percent : number;
  const shown = high > low ? [low, (low + high) / 2, high] : [low];
  const ticks = make("div", { class: "ticks" }, ...shown.map((v) => make("span", null, show(v))));
  const label = plane.kind === "share" ? "share of " + plane.levels[0] + " in " + plane.name : plane.unit;
  return [bar, ticks, text("div", label)];
}

function levelLegend(plane) {
  const named = plane.levels.slice(0, LEVELS.length).map((level, i) => [level, levelColor(i)]);
  const nOther = plane.levels.length - named.length;
  if (nOther) named.push([plural(nOther, "other value", "other values"), OTHER]);
  return make("ul", { class: "levels", "aria-label": "prevailing value of " + plane.name },
    ...named.map(([level, color]) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = color;
      return make("li", null, swatch, text("span", level));
    }));
}

function fillPlanes() {
  const groups = [["map", "The map"], ["column", "Columns"]].map(([key, label]) =>
    make("optgroup", { label }, ...data.planes.filter((plane) => plane.group === key)
      .map((plane) => make("option", { value: plane.key }, plane.name))));
  if (data.n_planes_left_out) {
    groups[1].append(make("option", { disabled: "" },
      plural(data.n_planes_left_out, "more column", "more columns") + " left out of this page"));
  }
  byId("plane").append(...groups);
  byId("plane").addEventListener("change", (event) => {
    state.plane = planes.get(event.target.value);
    colorMap();
  });
  byId("dots").addEventListener("change", (event) => {
    byId("dot-layer").toggleAttribute("hidden", !event.target.checked);
    drawLegend();
  });
}

function chooseCell(unit) {
  if (state.cell !== null) cells[state.cell].setAttribute("aria-pressed", "false");
  state.cell = unit === state.cell ? null : unit;
  if (state.cell !== null) cells[state.cell].setAttribute("aria-pressed", "true");
  drawRings();
  read(state.cell);
  showList();
}
