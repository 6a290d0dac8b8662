// The use of each column, the settings of the map, and its quality.

const KINDS = {
  number: "number", category: "category", ordinal: "ordered category", date: "date", id: "id of the rows", label: "label, not used",
  dropped: "left out", constant: "left out, constant",
};

function fillColumns() {
  document.querySelector("#columns tbody").append(...data.columns.map((column) =>
    make("tr", { class: ["number", "category", "ordinal", "date"].includes(column.kind) ? null : "unused" },
      text("td", column.name), make("td", null, KINDS[column.kind] || column.kind),
      text("td", withGroups(column.why)),
      make("td", { class: "number" }, column.n_missing === null ? "not in this table" : number(column.n_missing)))));
  byId("missing-note").textContent = data.method.missing === "fill"
    ? "Missing numbers were replaced by the median of their column. For categories, missing values are a separate level."
    : "The columns that trained the map did not have missing values.";
}

const SETTINGS = {
  seed: ["Seed", (v) => (v === null ? "none, so a new run can give another map" : v + " (the same seed gives the same map)")],
  algorithm: ["Training", (v) => (v === "batch" ? "batch (one update after all rows)" : v === "online" ? "online (one update after each row)" : v)],
  init: ["Start", (v) => ({ pca: "along the two main axes of the data", sample: "rows drawn from the data", random: "random",
    given: "a given codebook", map: "another map" }[v] || v)],
  n_epochs: ["Epochs while the radius shrinks", (v) => v + " (passes over all rows)"],
  n_iter: ["Epochs in all", (v) => v],
  stop_reason: ["Reason for the end", (v) => v],
  neighborhood: ["Neighborhood", (v) => v + ({ gaussian: " (a row moves prototypes of near units more than prototypes of distant units)",
    bubble: " (a row moves the prototypes of all units within the radius equally)" }[v] || "")],
  metric: ["Distance", (v) => v + ({ euclidean: " (square root of the sum of squared differences)",
    manhattan: " (sum of absolute differences)", cosine: " (difference in direction, not in size)",
    mahalanobis: " (Euclidean distance on rotated and scaled axes)" }[v] || "")],
  radius_start: ["Radius at the start", (v) => number(v) + " units (distance on the map up to which a row moves the prototypes of other units)"],
  radius_end: ["Radius at the end", (v) => number(v) + " units (a larger radius gives a smoother map, and a smaller radius gives a map that is closer to the rows)"],
  radius_last: ["Radius of the last step", (v) => number(v) + " units"],
  spread: ["Mean distance of the rows to their mean", (v) => number(v)],
  radius_decay: ["Decrease of the radius", (v) => (Array.isArray(v) ? v.map(number).join(", ") : v + ({
    geometric: " (by the same factor in each epoch)", linear: " (by the same amount in each epoch)" }[v] || ""))],
  n_init: ["Starts tried", (v) => (v === 1 ? "1" : v + " (the map with the lowest error was kept)")],
  learning_rate: ["Learning rate", (v) => {
    const [first, last] = Array.isArray(v) ? v : [v, v]; // the map of a MiniSom only has the first rate
    return first === last ? number(first) : number(first) + ", falling to " + number(last);
  }],
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
    lines.unshift([0, "Threshold", number(data.score.threshold) + " (training rows with a higher score were flagged)"]);
  }
  byId("method").append(...lines.map(([, name, value]) =>
    make("div", null, text("dt", name), text("dd", value))));
}

const FEW_ROWS = 500; // below this number, another sample could give a clearly different map

function fillModel() {
  const nRows = data.map.hits.reduce((sum, hits) => sum + hits, 0);
  const hidden = data.columns.filter((column) => column.kind === "protected").map((column) => column.name);
  const { changed, trained_on: table } = data;
  const made = changed ? changed.trained_made : table && byId("made-at").textContent; // detect trains and writes the page at once
  byId("model-trained").textContent = (nRows ? number(nRows) + " rows" : "an unknown number of rows")
    + (table ? " of " + table : "") + (made ? ", on " + made.slice(0, 10) : "") + ".";
  byId("model-limits").textContent = (nRows && nRows < FEW_ROWS ? "A map of another sample of so few rows could differ. " : "")
    + (hidden.length ? "The model does not use " + hidden.join(", ") + ", but other columns can contain the same information." : "");
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
