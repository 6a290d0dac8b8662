"use strict";
// Draws the page from the data beside it. Text from the data only ever becomes text nodes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const svgSpace = byId("map").namespaceURI;

  const BONE = ["#f6f9f9", "#b4cccc", "#7b8b9b", "#434359", "#0b0b12"];
  const VIRIDIS = [
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58",
    "#b5de2b", "#fde725",
  ];
  const LEVELS = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c6bb1",
  ];
  const OTHER = "#9aa0a6";
  const PAGE_SIZE = 100;

  // Helpers -------------------------------------------------------------------------------

  function make(tag, attributes, ...children) {
    return fillIn(document.createElement(tag), attributes, children);
  }

  function makeSvg(tag, attributes, ...children) {
    return fillIn(document.createElementNS(svgSpace, tag), attributes, children);
  }

  function fillIn(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function text(tag, content, className) {
    return make(tag, { class: className ? "text " + className : "text", dir: "auto" }, String(content));
  }

  function number(value) {
    if (value === null || value === undefined) return "none";
    if (Number.isInteger(value)) return value.toLocaleString("en");
    const size = Math.abs(value);
    if (size < 1e-4 || size >= 1e15) return value.toExponential(2);
    return Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 8 });
  }

  // With trailing zeros, so that the numbers of a column line up.
  function aligned(value) {
    const isPlain = value !== null && Math.abs(value) >= 1e-3 && Math.abs(value) < 1e3;
    return isPlain ? value.toPrecision(4) : number(value);
  }

  function percent(share) {
    return share === null || share === undefined ? "none" : Math.round(100 * share) + "\u00a0%";
  }

  function plural(count, one, many) {
    return number(count) + " " + (count === 1 ? one : many);
  }

  // Not Math.min(...values): a large map has more cells than a call may have arguments.
  function ends(values) {
    return values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  }

  // Words -----------------------------------------------------------------------------------

  function fill(values) {
    for (const [key, value] of Object.entries(values)) {
      for (const place of document.querySelectorAll('[data-fill="' + key + '"]')) {
        place.textContent = value;
      }
    }
  }

  function fillWords() {
    const { quality, method, map } = data;
    const isPlain = data.columns.every((column) => column.why === "used as given");
    fill({
      n_alerts: number(data.n_alerts),
      n_rows: number(data.n_rows),
      n_features: number(data.n_features),
      id_name: data.id_name,
      source: data.source,
      map_rows: number(map.n_rows),
      map_cols: number(map.n_cols),
      map_kind: map.kind + (map.boundary === "torus" ? ", on a torus (edges meet)" : ""),
      n_units: number(quality.n_units),
      quantization_error: number(quality.quantization_error),
      topographic_error: percent(quality.topographic_error),
      n_empty: number(quality.n_empty) + " of " + number(quality.n_units),
      distance_note: isPlain
        ? "It is in the units of the data."
        : "A distance of 1 is the full range of one number, or one other category.",
      version: method.versions.somscape || "",
      command: method.command || "",
      n_prototypes: data.score ? number(data.score.n_prototypes) : "",
    });
    byId("score-note").hidden = !data.score;
    byId("command-box").hidden = !method.command;
    byId("made").hidden = !byId("made-at").textContent;
    byId("notes-box").hidden = data.notes.length === 0;
    byId("notes").append(...data.notes.map((note) => text("li", note)));
  }

  function fillAgreement() {
    const found = data.agreement;
    if (!found) return;
    const baseShare = found.n_labelled / found.n_rows;
    fill({
      label: found.label,
      value: found.value,
      n_alerts_compared: number(found.n_alerts),
      n_found: number(Math.round(found.precision * found.n_alerts)),
      precision: percent(found.precision),
      base_share: percent(baseShare),
      lift: found.lift === null ? "none" : found.lift.toFixed(1),
      auroc: percent(found.auroc),
    });
    byId("agreement").hidden = found.precision === null || found.auroc === null;
  }

  // Rows --------------------------------------------------------------------------------------

  const rows = data.rows.ids.map((id, i) => ({
    rank: i + 1,
    id,
    unit: data.rows.units[i],
    score: data.rows.scores[i],
    p: data.rows.p_values[i],
    isAlert: i < data.n_alerts,
    reasons: data.reasons[i] || [],
    cells: () => data.rows.cells.map(({ name, values }) => [name, values[i]]),
  }));

  function searchText(row) {
    if (row.searchable === undefined) {
      const parts = [row.id, ...row.cells().map(([, cell]) => cell)];
      for (const { column, usual } of row.reasons) parts.push(column, usual);
      row.searchable = parts.join("\n").toLowerCase();
    }
    return row.searchable;
  }

  const planes = new Map(data.planes.map((plane) => [plane.key, plane]));
  const perUnit = { rows: planes.get("hits").values, alerts: planes.get("alerts").values };

  // Where a cell is, as alerts.csv says it.
  const place = (unit) => [Math.floor(unit / data.map.n_cols), unit % data.map.n_cols];
  const cellName = (unit) => "row " + place(unit)[0] + ", column " + place(unit)[1];

  // Map -----------------------------------------------------------------------------------------

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
    svg.append(...cells, makeSvg("g", { id: "dot-layer" }), makeSvg("g", { id: "ring-layer" }));
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

  // Ranked list -----------------------------------------------------------------------------------

  const collator = new Intl.Collator("en", { numeric: true });

  function compare(a, b) {
    const [x, y] = [a[state.sort], b[state.sort]];
    let order;
    if (state.sort === "id") order = collator.compare(x, y);
    // Rows without a value come last in either direction.
    else if (x === null || y === null) return (x === null) - (y === null);
    else order = x - y;
    return (state.isDown ? -order : order) || a.rank - b.rank;
  }

  function chosenRows() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const onlyAlerts = document.querySelector('input[name="scope"]:checked').value === "alerts";
    return rows
      .filter((row) => (state.cell === null ? row.isAlert || !onlyAlerts : row.unit === state.cell))
      .filter((row) => words.every((word) => searchText(row).includes(word)))
      .sort(compare);
  }

  function showList() {
    state.nShown = PAGE_SIZE;
    drawList();
  }

  function drawList() {
    const chosen = chosenRows();
    const shown = chosen.slice(0, state.nShown);
    document.querySelector("#rows tbody").replaceChildren(...shown.map(drawRow));
    byId("nothing").hidden = chosen.length > 0;
    byId("more").hidden = shown.length === chosen.length;
    byId("more").textContent = "Show " + number(Math.min(PAGE_SIZE, chosen.length - shown.length)) + " more";
    byId("scope").hidden = state.cell !== null;
    byId("clear-cell").hidden = state.cell === null;
    if (state.cell !== null) byId("clear-cell").textContent = "\u2715 Cell " + cellName(state.cell);
    byId("count").textContent = sayCount(chosen, shown);
  }

  function sayCount(chosen, shown) {
    const nAlerts = chosen.filter((row) => row.isAlert).length;
    const alerts = plural(nAlerts, "alert", "alerts");
    let words = nAlerts === chosen.length ? alerts : plural(chosen.length, "row", "rows") + ", " + alerts;
    if (shown.length < chosen.length) words += "; the first " + number(shown.length) + " shown";
    if (rows.length < data.n_rows) {
      words += ". This page knows the " + number(rows.length) + " most unusual of "
        + number(data.n_rows) + " rows";
    }
    return words + ".";
  }

  function drawRow(row) {
    const [mapRow, mapCol] = place(row.unit);
    const where = make("button", { type: "button", class: "small", "aria-label": "Show cell " + cellName(row.unit) + " on the map" },
      "r" + mapRow + " c" + mapCol);
    where.addEventListener("click", () => {
      if (state.cell !== row.unit) chooseCell(row.unit);
      byId("map-section").scrollIntoView({ block: "nearest" });
    });
    const open = make("button", { type: "button", class: "small", "aria-expanded": "false", "aria-label": "Values of " + row.id }, "Values");
    const line = make("tr", { role: "row", class: row.isAlert ? "alert" : null, "data-rank": row.rank },
      make("td", { role: "cell", class: "rank" }, String(row.rank)),
      text("td", row.id, "id"),
      make("td", { role: "cell", class: "score", "data-label": "score" }, aligned(row.score)),
      make("td", { role: "cell", class: "p", "data-label": "p" }, aligned(row.p)),
      make("td", { role: "cell", class: "where" }, where),
      make("td", { role: "cell", class: "why" }, drawReasons(row)),
      make("td", { role: "cell", class: "open" }, open));
    line.querySelector(".id").setAttribute("role", "cell");
    open.addEventListener("click", () => toggleValues(row, line, open));
    return line;
  }

  function drawReasons(row) {
    if (!row.isAlert) return make("span", { class: "tag" }, "not an alert");
    if (!row.reasons.length) return make("span", { class: "tag" }, "no single column stands out");
    return make("ul", { class: "reasons" }, ...row.reasons.map(({ column, value, usual, share }) => {
      const bar = make("span", { class: "fill" });
      bar.style.width = 100 * (share || 0) + "%";
      return make("li", null,
        make("span", { class: "line" },
          make("span", null, text("span", column, "column"), " ", text("span", value, "value"), " ",
            text("span", "(usual " + usual + ")", "usual")),
          make("span", { class: "share" }, percent(share))),
        make("span", { class: "track", "aria-hidden": "true" }, bar));
    }));
  }

  function toggleValues(row, line, open) {
    const isOpen = open.getAttribute("aria-expanded") === "true";
    open.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      line.nextElementSibling.remove();
      return;
    }
    const named = new Set(row.reasons.map(({ column }) => column));
    const values = row.cells().map(([name, cell]) =>
      make("div", { class: named.has(name) ? "reason" : null },
        text("dt", name), cell === null ? make("dd", null, make("i", null, "missing")) : text("dd", cell)));
    line.after(make("tr", { role: "row", class: "details" },
      make("td", { role: "cell", colspan: "7" }, make("dl", { class: "values" }, ...values))));
  }

  function listenToList() {
    byId("search").addEventListener("input", showList);
    byId("scope").addEventListener("change", showList);
    byId("clear-cell").addEventListener("click", () => {
      chooseCell(null);
      byId("search").focus();
    });
    byId("more").addEventListener("click", () => {
      state.nShown += PAGE_SIZE;
      drawList();
    });
    for (const head of document.querySelectorAll("#rows th[data-key]")) {
      head.firstElementChild.addEventListener("click", () => sortBy(head));
    }
  }

  function sortBy(head) {
    const { key } = head.dataset;
    // A first click on the score shows the most unusual row first, as the rank does.
    state.isDown = key === state.sort ? !state.isDown : key === "score";
    state.sort = key;
    for (const other of document.querySelectorAll("#rows th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", state.isDown ? "descending" : "ascending");
    showList();
  }

  // What was done, how, with what result ----------------------------------------------------------

  const KINDS = {
    number: "number", category: "category", id: "id, names the rows", label: "label, not used",
    dropped: "left out", constant: "left out, constant",
  };

  function fillColumns() {
    document.querySelector("#columns tbody").append(...data.columns.map((column) =>
      make("tr", { class: ["number", "category"].includes(column.kind) ? null : "unused" },
        text("td", column.name), make("td", null, KINDS[column.kind] || column.kind),
        text("td", column.why),
        make("td", { class: "number" }, column.n_missing === null ? "not in this table" : number(column.n_missing)))));
    byId("missing-note").textContent = data.method.missing === "fill"
      ? "Missing numbers were filled with the median of their column; in a category, missing counts as a value of its own."
      : "No column in use had missing values when the map was trained.";
  }

  const SETTINGS = {
    seed: ["Seed", (v) => (v === null ? "none given; a new run may differ" : v + "; the same seed gives the same map")],
    algorithm: ["Training", (v) => (v === "batch" ? "batch: all rows, then one update" : v === "online" ? "online: one row at a time" : v)],
    init: ["Start", (v) => ({ pca: "along the two main axes of the data", sample: "rows drawn from the data", random: "random" }[v] || v)],
    n_epochs: ["Epochs planned", (v) => v],
    n_iter: ["Epochs done", (v) => v],
    stop_reason: ["Why it stopped", (v) => v],
    neighborhood: ["Neighborhood", (v) => v],
    metric: ["Distance", (v) => v],
    radius_start: ["Radius at the start", (v) => number(v) + " cells: how far a row's pull reaches"],
    radius_end: ["Radius at the end", (v) => number(v) + " cells: larger is smoother, smaller is closer to the rows"],
    radius_decay: ["Radius falls", (v) => v],
  };

  function fillMethod() {
    const lines = [];
    for (const [key, value] of Object.entries(data.method.parameters)) {
      const [name, say] = SETTINGS[key] || [key.replaceAll("_", " "), (v) => (typeof v === "number" ? number(v) : v)];
      lines.push([key === "seed" ? 0 : 1, name, String(say(value))]);
    }
    lines.sort((a, b) => a[0] - b[0]);
    for (const [name, version] of Object.entries(data.method.versions)) {
      lines.push([2, "Version of " + name, version]);
    }
    if (data.score && data.score.threshold !== null) {
      lines.unshift([0, "Threshold", number(data.score.threshold) + ": the score above which training rows were flagged"]);
    }
    byId("method").append(...lines.map(([, name, value]) =>
      make("div", null, text("dt", name), text("dd", value))));
  }

  function drawChart(name, steps, values) {
    const [width, height, left, bottom, top] = [320, 150, 44, 22, 10];
    const high = Math.max(...values) || 1;
    const x = (i) => left + ((width - left - 10) * i) / Math.max(1, values.length - 1);
    const y = (value) => top + (height - bottom - top) * (1 - value / high);
    const points = values.map((value, i) => x(i).toFixed(1) + "," + y(value).toFixed(1)).join(" ");
    const label = name + " fell from " + number(values[0]) + " to " + number(values[values.length - 1]);
    const say = (at, content, anchor) => makeSvg("text", { x: at[0], y: at[1], "text-anchor": anchor }, content);
    return make("figure", null,
      makeSvg("svg", { class: "chart", viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": label },
        makeSvg("line", { class: "axis", x1: left, y1: y(0), x2: width - 10, y2: y(0) }),
        makeSvg("line", { class: "axis", x1: left, y1: top, x2: left, y2: y(0) }),
        makeSvg("polyline", { class: "curve", points }),
        say([left - 6, y(high) + 8], number(high), "end"), say([left - 6, y(0)], "0", "end"),
        say([left, height - 6], number(steps[0]), "middle"),
        say([width - 10, height - 6], number(steps[steps.length - 1]), "end")),
      make("figcaption", null, name + " by " + (data.method.parameters.algorithm === "online" ? "update" : "epoch")));
  }

  function fillCharts() {
    const { history } = data;
    for (const [key, name] of [["quantization_error", "Quantization error"], ["radius", "Radius"]]) {
      const values = history[key] || [];
      if (values.length < 2 || values.includes(null)) continue;
      byId("charts").append(drawChart(name, history.step || values.map((_, i) => i + 1), values));
    }
  }

  fillWords();
  fillAgreement();
  drawMap();
  fillPlanes();
  colorMap();
  listenToList();
  showList();
  fillColumns();
  fillMethod();
  fillCharts();
})();
