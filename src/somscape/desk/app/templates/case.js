// The page of a case: reasons, decisions, scores by run, position on the map, and values.

const [, , watchPart, , ...keyParts] = location.pathname.split("/");
const watch = decodeURIComponent(watchPart);
const key = decodeURIComponent(keyParts.join("/"));
const at = "watches/" + encodeURIComponent(watch);
const svgSpace = "http://www.w3.org/2000/svg";
const [ON_PAPER, PRINTED_COLUMNS] = [25, 8]; // original rows and columns that are printed, as in app.css
const UNSCROLLED = 30; // rows of a table that the page shows without a scroll bar
const DECIDED = /^Confirmed on \d{4}-\d\d-\d\d(?: by [^;]*)?\.$/;
const GROUPED = /(?<=\d),(?=\d{3})/g;
let found = null;

const makeSvg = (tag, attributes, ...children) => fillIn(document.createElementNS(svgSpace, tag), attributes, children);

async function load() {
  found = await call(at + "/cases/" + encodeURIComponent(key));
  const { listed, key_columns: columns } = found;
  const last = listed[listed.length - 1];
  const name = found.is_check ? inCheck(last?.reasons ?? key, numbersOf(found)) : columns.join(" / ") + " " + key;
  document.title = (found.is_check ? name : key) + " · " + watch;
  byId("name").textContent = name;
  byId("watch-link").textContent = watch;
  byId("watch-link").href = "/" + at;
  byId("about").textContent = sayState();
  // The decisions are in a section of their own.
  const reasons = reasonsIn(last?.reasons ?? "").map((reason) => reason.replace(DECIDED, "")).filter(Boolean);
  byId("why").replaceChildren(...reasons.map((reason) => text("li", found.is_check ? inCheck(reason, numbersOf(found)) : inReason(reason, numbersOf(found)))));
  byId("score").replaceChildren(...(last ? ["Rank " + number(last.place) + " of run " + number(last.number) + " (" + when(last.made) + ", ",
    sourceOf(last.source), "), score " + number(last.score) + ", ", make("span", { class: "together" }, "p-value " + smallShare(last.p_value)), "."] : ["No list has this case."]));
  byId("history").replaceChildren(...found.history.map(({ decision, comment, author, made }) => make("li", null,
    make("b", null, decision), " by ", text("span", author), ", " + when(made), ...(comment ? [": ", text("q", comment)] : []))));
  byId("printed").textContent = "Made with somscape on " + when(new Date()) + ".";
  drawDecision();
  drawScores(found.is_check ? [] : listed);
  if (found.is_check) byId("score").textContent = "A check of columns with the key " + key + ".";
  drawOwnRows();
  drawValues();
  drawPlace();
}

// The rows that were combined to the case, such as the transactions of a customer, as they are in the file.
function drawOwnRows() {
  const own = found.own_rows;
  byId("own-box").hidden = !own?.cells.length;
  if (byId("own-box").hidden) return;
  const n = own.cells[0].values.length;
  const isLong = n > UNSCROLLED;
  byId("own").parentElement.classList.toggle("long", isLong);
  byId("own-note").replaceChildren(plural(own.n_rows, "row", "rows") + (own.by && n > 1 ? ", sorted by " + own.by + " in descending order" : "")
    + (n < own.n_rows ? " (the first " + number(n) + " are shown)" : "") + "." + (isLong ? " Scroll within the table to see all." : ""),
    ...(n > ON_PAPER ? [make("span", { class: "paper" }, " " + plural(own.n_rows - ON_PAPER, "row is", "rows are") + " not printed.")] : []));
  const isNumber = ({ values }) => values.every((cell) => cell === null || (isWhole(cell) && !/\d[-:T]\d/.test(cell)));
  const kinds = own.cells.map((column) => (isNumber(column) ? "number" : ""));
  byId("own").tHead.replaceChildren(make("tr", null, ...own.cells.map(({ name }, i) => make("th", { scope: "col", class: kinds[i] }, text("span", name)))));
  byId("own").tBodies[0].replaceChildren(...Array.from({ length: n }, (_, row) => make("tr", null, ...own.cells.map(({ values }, i) =>
    text("td", values[row] ?? "", kinds[i] + (isWhole(values[row]) ? " whole" : ""))))));
}

function sayState() {
  if (found.state === "open") return "There is no decision yet.";
  return found.waits ? "The case was cleared, but needs a new decision." : "";
}

function drawDecision() {
  drawCategories(found.categories);
  const comment = make("input", { type: "text", list: "categories", class: "needs-decide", maxlength: 2000, placeholder: "comment", "aria-label": "Comment" });
  const { waits, state, history } = found;
  const one = { waits, state, comment: history[history.length - 1]?.comment ?? "" };
  const said = () => comment.value.trim();
  comment.addEventListener("keydown", (event) => event.key === "Enter" && said() && decideCase(stateNow(one), said()));
  const buttons = drawDecisions(stateNow(one), key, (decision) =>
    decideCase(stateNow(one) === decision && !said() ? "open" : decision, said() || commentNow(one)));
  byId("decide").replaceChildren(...buttons, comment);
}

// The run of the row on the page. A decision refers to this row.
const shownRun = () => found.of_run?.run ?? found.listed[found.listed.length - 1]?.run ?? null;

Object.assign(saving, { path: at + "/decide", seen: () => found.seen });

async function decideCase(decision, comment) {
  await save([{ key, run: shownRun(), decision, comment }]);
  await load().catch(showProblem);
  byId("decide").querySelector("button").focus({ preventScroll: true });
}

function drawScores(listed) {
  document.querySelector("#runs-of tbody").replaceChildren(...listed.map((run) => make("tr", null,
    make("td", { class: "number" }, number(run.number)), make("td", { class: "table" }, sourceOf(run.source)), make("td", null, dayOf(run.made)), make("td", { class: "number" }, number(run.place)),
    make("td", { class: "number" }, number(run.score)), make("td", { class: "number" }, smallShare(run.p_value)), make("td", null, run.news))));
  asCards(byId("runs-of"));
  byId("scores").toggleAttribute("hidden", listed.length < 2);
  byId("scores-box").hidden = listed.length === 0;
  if (listed.length < 2) return;
  const high = Math.max(...listed.map((run) => run.score)) || 1;
  const x = (i) => 12 + (296 * i) / (listed.length - 1);
  const y = (score) => 108 - 96 * (score / high);
  byId("scores").setAttribute("aria-label", "Scores from " + number(listed[0].score) + " to " + number(listed[listed.length - 1].score));
  byId("scores").replaceChildren(
    makeSvg("line", { class: "axis", x1: 4, x2: 316, y1: 108, y2: 108 }),
    makeSvg("polyline", { points: listed.map((run, i) => x(i) + "," + y(run.score)).join(" ") }),
    ...listed.map((run, i) => makeSvg("circle", { cx: x(i), cy: y(run.score), r: 4 })));
}

// Features of customers are shown as the reasons show them: shares in percent, times in days, and amounts with two decimals.
function sayValues(values, unit) {
  if (unit === undefined || !values.some((value) => typeof value === "number")) return inFull(values);
  const size = unit === "share" ? 100 : 1;
  const most = Math.max(...values.map((value) => (typeof value === "number" ? Math.abs(size * value) : 0)));
  const inSize = values.map((value) => (typeof value === "number" ? Number((size * value).toFixed(most < 10 ? 4 : 2)) : value));
  return inFull(inSize).map((shown) => (shown === null ? null : shown + (unit === "share" ? "\u00a0%" : unit === "days" ? "\u00a0days" : "")));
}

function drawValues() {
  byId("values-box").hidden = !found.cells;
  if (!found.cells) return;
  const others = found.usual;
  byId("values-title").textContent = others.length ? "Values of the case, and of the most similar usual rows" : "Values of the case";
  const nLeft = Object.keys(found.cells).length - PRINTED_COLUMNS;
  byId("values-note").textContent = nLeft > 0 ? plural(nLeft, "column is", "columns are") + " not printed." : "";
  byId("same").hidden = !others.length;
  const reasons = [...byId("why").children].map((reason) => " " + reason.textContent).join("");
  const head = (words, kind) => { const made = text("th", words, kind); made.setAttribute("scope", "col"); return made; };
  document.querySelector("#values thead").replaceChildren(make("tr", null, head("column"), head(key, "number"), ...others.map((other) => head(other.key, "number"))));
  const cell = (value, shown, own) => {
    const made = value === null ? make("td", null, make("i", null, "missing")) : text("td", shown, typeof value === "number" ? "number" : isWhole(shown) ? "whole" : "");
    if (own !== undefined && value !== own) made.classList.add("differs");
    return made;
  };
  const names = Object.keys(found.cells);
  const isReason = (name) => reasons.includes(" " + name + " is ");
  const ordered = [...names.filter(isReason), ...names.filter((name) => !isReason(name))];
  document.querySelector("#values tbody").replaceChildren(...ordered.map((name) => {
    const row = text("th", name);
    row.setAttribute("scope", "row");
    const values = [found.cells[name], ...others.map((other) => other.cells[name] ?? null)];
    const isGrouped = name in found.numbers; // years are as in the file
    const shown = sayValues(values, found.units?.[name]).map((each, i) => (isGrouped || typeof values[i] !== "number" ? each : String(each).replace(GROUPED, "")));
    return make("tr", { class: isReason(name) ? "reason" : null }, row,
      ...values.map((value, i) => cell(value, shown[i], i ? values[0] : undefined)));
  }));
}

function drawPlace() {
  const { map } = found;
  byId("place-box").hidden = !map;
  if (!map) return;
  const reach = Math.max(...map.cell.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  const [xs, ys] = [0, 1].map((i) => map.positions.map((position) => position[i]));
  const [left, top] = [Math.min(...xs) - reach, Math.min(...ys) - reach];
  byId("place").setAttribute("viewBox", [left, top, Math.max(...xs) + reach - left, Math.max(...ys) + reach - top].join(" "));
  const most = Math.max(...map.hits) || 1;
  const where = "row " + Math.floor(map.unit / map.n_cols) + ", column " + (map.unit % map.n_cols);
  byId("place").setAttribute("aria-label", "Map, with the case in the unit at " + where);
  byId("place-note").textContent = "The case is in the unit at " + where + ", with " + plural(map.hits[map.unit], "training row", "training rows")
    + ". Units with a stronger color have more training rows.";
  byId("place").replaceChildren(...map.positions.map(([x, y], unit) => makeSvg("polygon", {
    points: map.cell.map(([dx, dy]) => (x + dx).toFixed(3) + "," + (y + dy).toFixed(3)).join(" "),
    class: unit === map.unit ? "here" : "cell", "fill-opacity": (0.06 + 0.6 * Math.sqrt(map.hits[unit] / most)).toFixed(2),
  })));
}

byId("print").addEventListener("click", () => print());
load().catch(showProblem);
