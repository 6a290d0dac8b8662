// Draws the page from the data beside it. Text from the data only ever becomes text nodes.

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
const WRAPS = {
  cylinder: ", on a cylinder (left and right edges meet)", torus: ", on a torus (edges meet)",
};

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
    map_size: map.kind === "graph" ? "cells joined to a graph"
      : number(map.n_rows) + " rows of " + number(map.n_cols) + " " + map.kind + " cells"
        + (WRAPS[map.boundary] ?? ""),
    n_units: number(quality.n_units),
    quantization_error: number(quality.quantization_error),
    topographic_error: percent(quality.topographic_error),
    n_empty: number(quality.n_empty) + " of " + number(quality.n_units),
    distance_note: isPlain
      ? "It is in the units of the data."
      : "A distance of 1 is the usual range of one number, or one other category.",
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
  counterfactual: data.counterfactuals[i],
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
