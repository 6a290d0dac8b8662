// Draws the page from its data. Text from the data only becomes text nodes.

// The page uses six digits, so that values that differ only by rounding are equal. The data has all digits.
const source = byId("data").textContent;
const data = JSON.parse(source, (_, value) =>
  (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value));
const svgSpace = byId("map").namespaceURI;

const PAGE_SIZE = 50;
const WRAPS = {
  cylinder: ", on a cylinder (left and right edges meet)", torus: ", on a torus (edges meet)",
};

// Descriptions of the score of a row on one map, by the name of the score.
const SCORES = {
  combined: (k) => SCORES.k_prototype(k)
    + ", plus the rarity of its values and broken relations between its columns",
  k_prototype: (k) => k === 1 ? SCORES.quantization_error()
    : "the mean distance of the row to the " + number(k) + " nearest prototypes of usual rows",
  quantization_error: () => "the distance of the row to the nearest prototype of usual rows",
};

// Helpers -------------------------------------------------------------------------------

function makeSvg(tag, attributes, ...children) {
  return fillIn(document.createElementNS(svgSpace, tag), attributes, children);
}

// Numbers have trailing zeros, so that the numbers of a column are aligned.
function aligned(value) {
  const isPlain = value !== null && Math.abs(value) >= 1e-3 && Math.abs(value) < 1e3;
  if (!isPlain) return number(value);
  const digits = value.toPrecision(4).split(".")[1]?.length || 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share) {
  return share === null || share === undefined ? "none" : Math.round(100 * share) + "\u00a0%";
}

const calendar = new Intl.DateTimeFormat(undefined, { timeZone: "UTC" });

function date(days) {
  return calendar.format(new Date(864e5 * days));
}

// Math.min(...values) would fail, because a large map has more cells than a call may have arguments.
function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
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
  const nMaps = data.score ? data.score.n_maps : 0;
  const scoreWords = data.score ? SCORES[data.score.name](data.score.n_prototypes) : "";
  const isPlain = data.columns.every((column) => column.why === "used as given");
  fill({
    headline: withGroups(data.headline ?? data.n_rows + " rows"),  // a map without a detector has no headline
    are_listed: data.n_alerts === data.n_stand_out ? "" : number(data.n_alerts) + (data.n_alerts === 1 ? " is listed." : " are listed."),
    n_rows: number(data.n_rows),
    rule: data.rule ? ": " + data.rule : "",
    n_features: number(data.n_features),
    id_name: data.id_name,
    amount_name: data.amount?.name,
    source: data.source,
    map_size: map.kind === "graph" ? "units that are joined in a graph"
      : number(map.n_rows) + " rows of " + number(map.n_cols) + " " + map.kind + " units"
        + (WRAPS[map.boundary] ?? ""),
    n_units: number(quality.n_units),
    quantization_error: number(quality.quantization_error),
    topographic_error: percent(quality.topographic_error),
    n_empty: number(quality.n_empty) + " of " + number(quality.n_units),
    measured_note: data.n_measured < data.n_rows
      ? "Measured on " + number(data.n_measured) + " evenly spaced rows." : "",
    distance_note: method.parameters.metric === "mahalanobis"
      ? "Distances are measured on rotated and scaled axes."
      : isPlain
      ? "Distances are on the scale of the data."
      : "A distance of 1 corresponds to the usual range of a column of numbers, or to a difference in one category.",
    version: method.versions.somscape || "",
    command: method.command || "",
    score_name: data.score ? "Score" : "Distance",
    n_maps: nMaps ? number(nMaps) : "",
    score_words: scoreWords,
  });
  for (const place of document.querySelectorAll(".of-detector")) place.hidden = !data.score;
  for (const place of document.querySelectorAll(".of-one")) place.hidden = nMaps !== 1;
  for (const place of document.querySelectorAll(".of-several")) place.hidden = nMaps < 2;
  byId("rows").classList.toggle("unscored", !data.score);
  document.querySelector('#rows [data-key="amount"]').hidden = !data.amount;
  byId("rows").classList.toggle("with-amount", Boolean(data.amount));
  document.querySelector('[data-fill="score_name"]').title = data.score
    ? "The score is " + scoreWords + (nMaps > 1 ? ", combined over several maps" : "") + ". A higher score is more unusual."
    : "Distance to the prototype of the unit";
  for (const place of document.querySelectorAll(".of-map")) place.hidden = Boolean(data.score || data.classes);
  byId("command-box").hidden = !method.command;
  byId("made").hidden = !byId("made-at").textContent;
  byId("rules").hidden = !data.rules;
  byId("rules").append(...(data.rules || []).map((rule) => text("li", rule.sentence)));
  byId("notes-box").hidden = data.notes.length === 0;
  window.addEventListener("beforeprint", () => { byId("notes-box").open = true; });
  byId("notes-count").append(number(data.notes.length));
  byId("notes").append(...data.notes.map((note) => text("li", withGroups(note))));
}

function fillAgreement() {
  const found = data.agreement;
  const isMeasured = found && [found.precision, found.auroc].every(Number.isFinite);
  byId("agreement").hidden = !isMeasured;
  if (!isMeasured) return;
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
}

// Rows --------------------------------------------------------------------------------------

const rows = data.rows.ids.map((id, i) => ({
  rank: data.rows.ranks[i] + 1,
  position: i,
  id,
  unit: data.rows.units[i],
  score: data.rows.scores[i],
  p: data.rows.p_values[i],
  amount: data.amount?.values[i] == null ? null : Number(data.amount.values[i]), // texts, which are not rounded
  isAlert: data.rows.ranks[i] < data.n_alerts,
  reasons: data.reasons[i] || [],
  found: data.cases[i],
  cells: () => data.rows.cells.map(({ name, values }) => [name, values[i]]),
}));
const listed = rows.slice(0, data.n_listed);
const hasWholeAmounts = rows.every(({ amount }) => amount === null || Number.isInteger(amount));
const byRank = new Map(rows.map((row) => [row.rank, row]));

// Groups of several alerts with the same reasons, by the rank of each alert.
const findingOf = new Map(data.findings.flatMap((finding) => finding.ranks.map((rank) => [rank + 1, finding])));

const NONE_STANDS_OUT = "no single column stands out; the combination is unusual";

// The text after the value in a reason: how many rows have the value, and the usual range. A rule does not have one.
function besideValue({ occurs, usual, alone, fitting, rule }) {
  if (rule) return "";
  if (fitting) return (occurs ? ": " + occurs + "; " : ", but ") + fitting + " would fit the other columns";
  const usually = alone ? "usual alone (" + usual + "), but not with the other columns" : "usual " + usual;
  return ": " + (occurs ? occurs + "; " : "") + usually;
}

// The columns whose numbers have separators on this page, with the number of their decimals. Codes, years and numbers that are not
// written like 1234.5 stay as in the file.
const NUMBER = /^([-+]?)(0|[1-9]\d*)(?:\.(\d+))?$/;
const kindOf = new Map(data.columns.map(({ name, kind }) => [name, kind]));
const decimalsOf = new Map(data.rows.cells.flatMap(({ name, values }) => {
  const found = values.filter((value) => value !== null).map((value) => NUMBER.exec(value));
  const isOther = kindOf.get(name) !== "number" || found.includes(null);
  if (isOther || found.every(([value]) => /^[12]\d{3}$/.test(value))) return [];
  return [[name, found.reduce((most, [, , , part]) => Math.max(most, part && part !== "0" ? part.length : 0), 0)]];
}));

// A value of a column as text. Columns with at most two decimals, such as amounts, have as many in all values.
function inColumn(name, value) {
  const decimals = decimalsOf.get(name), found = NUMBER.exec(value);
  if (decimals === undefined || !found) return inGroups(name, value);
  const [, sign, whole, part = ""] = found;
  const shown = decimals <= 2 ? (part === "0" ? "" : part).padEnd(decimals, "0") : part === "0" ? "" : part;
  return sign + grouped(whole) + (shown && "." + shown);
}

// A text with numbers of a column, such as a range.
const inGroups = (name, words) => decimalsOf.has(name) ? inThousands(words) : words;

// The text of a reason on this page. Exported files contain the values as in the file.
function asShown(reason) {
  const { column, value, usual, fitting, rule } = reason;
  return rule ? reason : { ...reason, value: inColumn(column, value), usual: inGroups(column, usual), ...(fitting && { fitting: inGroups(column, fitting) }) };
}

const inSentence = (words) => afterNames(words, decimalsOf);

// The first words of a reason. A rule is followed by a colon.
const columnOfReason = ({ column, rule }) => rule ? column + ":" : column;

function searchText(row) {
  if (row.searchable === undefined) {
    const parts = [row.id, ...row.cells().map(([, cell]) => cell)];
    for (const reason of row.reasons) parts.push(reason.column, reason.usual, asShown(reason).value, asShown(reason).usual);
    const found = classOf(row);
    if (found) parts.push(found.why, ...(found.isWrong ? ["misclassified"] : []));
    row.searchable = parts.join("\n").toLowerCase();
  }
  return row.searchable;
}

// Places of the map are called units. The data of planes calls them cells.
for (const plane of data.planes) {
  if (plane.group === "map") plane.name = plane.name.replace(/ cell$/, " unit");
  if (plane.group !== "column") plane.unit = plane.unit.replace(/ cell's rows$/, " unit's rows");
}
const planes = new Map(data.planes.map((plane) => [plane.key, plane]));
const perUnit = {
  rows: planes.get("hits").values,
  alerts: (planes.get("alerts") || { values: data.map.positions.map(() => 0) }).values,
  // Dots show alerts, or the mistakes of a classifier.
  dots: (planes.get("alerts") || planes.get("mistakes") || { values: data.map.positions.map(() => 0) }).values,
};

// The position of a cell, as in alerts.csv.
const place = (unit) => [Math.floor(unit / data.map.n_cols), unit % data.map.n_cols];
const cellName = (unit) => "row " + place(unit)[0] + ", column " + place(unit)[1];
const cellTag = (unit) => "r" + place(unit)[0] + " c" + place(unit)[1];

// Additions of a server that shows the page: elements that select rows, elements in the line and in the case of a row, functions
// that decide whether a row is open, whether the list also shows a row that is not an alert and whether it keeps a row,
// functions that are called after the list was drawn, and the function that saves regions.
const additions = { pick: [], line: [], finding: [], case: [], also: [], keep: [], drawn: [], show: [], saveRegions: giveRegions,
  isOpen: (row) => (newsByRank.get(row.rank)?.state ?? "open") === "open" };

// The view that the reader chose. The second of the planes colors the second map. `address.js` writes the view into the address.
const state = {
  planes: [data.planes[0], null], order: "table", ramp: "auto", cells: new Set(), row: null, column: null,
  sort: "rank", isDown: false, nShown: PAGE_SIZE, opened: new Set(), news: null,
};
