// The ranked list with its order, search and reasons. A row can be opened as a case.

const N_COLUMNS = data.amount ? 8 : 7;

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b) {
  const [x, y] = [a[state.sort], b[state.sort]];
  let order;
  if (state.sort === "id") order = collator.compare(x, y);
  // Rows without a value are last in both directions.
  else if (x === null || y === null) return (x === null) - (y === null);
  else order = x - y;
  return (state.isDown ? -order : order) || a.rank - b.rank;
}

// The rows that a search covers in a page without a server.
const COVERED = "This page contains, and searches, the " + number(listed.length) + " most unusual of " + number(data.n_rows) + " rows";

const scope = () => document.querySelector('input[name="scope"]:checked').value;

function chosenRows() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const onlyAlerts = scope() === "alerts";
  return listed
    .filter((row) => (state.cells.size ? state.cells.has(row.unit) : row.isAlert || !onlyAlerts || additions.also.some((also) => also(row))))
    .filter((row) => words.every((word) => searchText(row).includes(word)))
    .filter((row) => additions.keep.every((keep) => keep(row)))
    .filter((row) => !state.news || newsByRank.get(row.rank)?.news === state.news)
    .sort(compare);
}

function showList() {
  state.nShown = PAGE_SIZE;
  drawList();
}

function drawList() {
  const chosen = [...chosenRows()];
  const inFinding = findingsIn(chosen);
  let nShown = state.nShown;
  while (inFinding.has(chosen[nShown]) && inFinding.get(chosen[nShown]).rows[0] !== chosen[nShown]) nShown += 1;
  const shown = chosen.slice(0, nShown);
  document.querySelector("#rows tbody").replaceChildren(...shown.flatMap((row) => {
    const finding = inFinding.get(row), isFirst = finding && finding.rows[0] === row;
    const isHidden = finding && !isOpened(finding);
    return [isFirst ? drawFinding(finding) : "", ...isHidden ? []
      : [drawRow(row), row.rank === state.row ? drawCase(row) : ""], isBeforeLine(row) ? drawLine() : ""];
  }).filter(Boolean));
  byId("nothing").hidden = chosen.length > 0;
  byId("nothing").textContent = state.cells.size && listed.length < data.n_rows && !byId("search").value
    ? "This page does not contain rows of the selected units."
    : "No row matches." + (listed.length < data.n_rows && !additions.find ? " " + COVERED + "." : "");
  byId("more").hidden = shown.length === chosen.length;
  byId("more").textContent = "Show " + number(Math.min(PAGE_SIZE, chosen.length - shown.length)) + " more";
  byId("scope").hidden = state.cells.size > 0 || !data.n_alerts;
  byId("clear-cell").hidden = state.cells.size === 0;
  const region = chosenRegion();
  byId("clear-cell").textContent = "\u2715 " + (region ? "Region " + region.number : state.cells.size === 1
    ? "Unit " + cellName([...state.cells][0]) : plural(state.cells.size, "unit", "units"));
  byId("count").textContent = sayCount(chosen, shown);
  additions.drawn.forEach((done) => done());
}

// The findings with several of the chosen rows, by row. If the whole list is sorted by rank, the rows of a finding
// follow its first row.
function findingsIn(chosen) {
  const found = new Map();
  if (state.sort !== "rank" || state.isDown || state.cells.size || byId("search").value.trim()) return found;
  const together = new Map();
  for (const row of chosen) {
    const finding = findingOf.get(row.rank);
    if (!finding) continue;
    if (!together.has(finding)) together.set(finding, { ...finding, rows: [] });
    together.get(finding).rows.push(row);
  }
  for (const finding of together.values()) {
    if (finding.rows.length < 2) continue;
    finding.rows.forEach((row) => found.set(row, finding));
  }
  const firsts = new Map([...found.values()].map((finding) => [finding.rows[0], finding.rows]));
  const ordered = chosen.filter((row) => !found.has(row) || firsts.has(row)).flatMap((row) => firsts.get(row) ?? [row]);
  chosen.splice(0, chosen.length, ...ordered);
  return found;
}

// A finding is also open if one of its rows is open.
const isOpened = ({ number, rows }) => state.opened.has(number) || rows.some(({ rank }) => rank === state.row);

function drawFinding(finding) {
  const [first] = finding.rows;
  const ids = finding.rows.slice(0, 3).map(({ id }) => id).join(", ") + (finding.rows.length > 3 ? ", ..." : "");
  const tags = new Map(); // one tag for each kind of news, with the number of its rows
  for (const tag of finding.rows.flatMap(newsTag)) tags.set(tag.textContent, [tag, (tags.get(tag.textContent)?.[1] ?? 0) + 1]);
  tags.forEach(([tag, n], words) => { tag.textContent = number(n) + " " + words; });
  const noun = data.noun;
  const part = make("details", null, make("summary", null,
    make("b", null, plural(finding.rows.length, noun, noun + "s") + " like this")));
  part.open = isOpened(finding);
  part.firstElementChild.addEventListener("click", (event) => {
    event.preventDefault(); // the list is drawn anew, with the rows of the finding
    state.opened[part.open ? "delete" : "add"](finding.number);
    if (part.open && finding.rows.some(({ rank }) => rank === state.row)) openCase(null);
    else drawList();
    document.querySelector('#rows tr[data-finding="' + finding.number + '"] summary').focus({ preventScroll: true });
  });
  return make("tr", { role: "row", class: "finding", "data-finding": finding.number },
    make("td", { role: "cell", class: "rank" }, ...additions.pick.map((add) => add(finding.rows)), number(first.rank)),
    make("td", { role: "cell", class: "id" }, part),
    ...drawNumbers(first, data.amount && finding.rows.reduce((sum, { amount }) => sum + amount, 0)),
    make("td", { role: "cell", class: "why" }, text("span", ids, "tag"), ...[...tags.values()].flatMap(([tag]) => [" ", tag]), drawWhat(finding)),
    make("td", { role: "cell", class: "open" }, make("div", { class: "acts" }, ...additions.finding.map((add) => add(finding)))));
}

// The columns and values that the rows of a finding share. The data separates columns by "; ".
function drawWhat({ what, rows: [{ reasons }] }) {
  if (!what) return make("span", { class: "tag" }, NONE_STANDS_OUT);
  return make("ul", { class: "reasons" }, ...what.split("; ").map((part) => {
    const name = reasons.map(({ column }) => column).find((each) => part.startsWith(each + " = ") || part.startsWith(each + " from ")) ?? "";
    const values = part.slice(name.length).replace(/[^\s,]+/g, (value) => inColumn(name, value));
    return make("li", null, make("span", { class: "line" }, text("span", name, "column"), text("span", values, "value")));
  }));
}

// If the list is sorted by rank, a line is drawn after the rows that stand out.
function isBeforeLine(row) {
  return row.rank === data.n_before_line && state.sort === "rank" && !state.isDown;
}

function drawLine() {
  return make("tr", { role: "row", class: "boundary" },
    make("td", { role: "cell", colspan: N_COLUMNS }, "The following rows do not stand out."));
}

function sayCount(chosen, shown) {
  const nAlerts = chosen.filter((row) => row.isAlert).length;
  const alerts = plural(nAlerts, "alert", "alerts");
  let words = nAlerts === chosen.length && data.n_alerts ? alerts
    : plural(chosen.length, "row", "rows") + (data.n_alerts ? ", " + alerts : "");
  const open = chosen.filter(additions.isOpen);
  if (data.amount && open.length) words += ", with " + data.amount.name + " " + money(open.reduce((sum, row) => sum + row.amount, 0), hasWholeAmounts) + " at stake in " + number(open.length) + " open";
  if (shown.length < chosen.length) words += " (the first " + number(shown.length) + " are shown)";
  if (listed.length < data.n_rows) {
    words += ". " + (additions.find ? COVERED.replace(", and searches,", "") : COVERED);
  }
  return words + ".";
}

function drawRow(row) {
  const isOpen = row.rank === state.row;
  const open = make("button", {
    type: "button", class: "small", "aria-expanded": String(isOpen),
    "aria-label": (isOpen ? "Close case " : "Open case ") + row.id,
  }, isOpen ? "Close" : "Open");
  open.addEventListener("click", () => openCase(isOpen ? null : row.rank));
  const classes = [row.isAlert ? "alert" : "", isOpen ? "opened" : ""].join(" ");
  const line = make("tr", { role: "row", class: classes, "data-rank": row.rank },
    make("td", { role: "cell", class: "rank" }, ...additions.pick.map((add) => add([row])), number(row.rank)),
    text("td", row.id, "id"),
    ...drawNumbers(row, row.amount),
    make("td", { role: "cell", class: "why" }, ...drawEarlier(row), drawReasons(row)),
    make("td", { role: "cell", class: "open" }, make("div", { class: "acts" }, open, ...additions.line.map((add) => add(row)))));
  line.querySelector(".id").setAttribute("role", "cell");
  line.querySelector(".id").append(...newsTag(row));
  line.addEventListener("click", (event) => {
    // A button has its own action, and selected text may be copied.
    if (event.target.closest("button, input") || String(getSelection())) return;
    openCase(isOpen ? null : row.rank);
  });
  line.addEventListener("pointerenter", () => hint(row.unit));
  line.addEventListener("pointerleave", () => hint(null));
  return line;
}

// The score, p-value, amount and unit of a row, or of the most unusual row of a finding with the sum of its amounts.
function drawNumbers({ score, p, unit }, amount) {
  const where = make("button", { type: "button", class: "small", "aria-label": cellTag(unit) + ", show this unit on the map" }, cellTag(unit));
  where.addEventListener("click", () => showCell(unit));
  return [
    make("td", { role: "cell", class: "score", "data-label": data.score ? "score" : "distance" }, aligned(score)),
    make("td", { role: "cell", class: "p", "data-label": "p" }, smallShare(p)),
    ...(data.amount ? [make("td", { role: "cell", class: "amount number", "data-label": data.amount.name }, amount === null ? "" : money(amount, hasWholeAmounts))] : []),
    make("td", { role: "cell", class: "where" }, where),
  ];
}

function showCell(unit) {
  chooseCells([unit]);
  byId("map-section").scrollIntoView({ block: "nearest" });
}

function drawReasons(row) {
  const found = classOf(row);
  if (found) return drawNamed(found);
  if (!row.isAlert) return make("span", { class: "tag" }, data.score ? "not an alert" : "");
  if (!row.reasons.length) return make("span", { class: "tag" }, NONE_STANDS_OUT);
  return make("ul", { class: "reasons" }, ...row.reasons.map(asShown).map((reason) => make("li", null,
    make("span", { class: "line" },
      make("span", null, text("span", columnOfReason(reason), "column"), " ", text("span", reason.value, "value"),
        text("span", besideValue(reason), "usual")),
      ...(reason.rule ? [] : [make("span", { class: "share", title: "Share of the score" }, percent(reason.share))])),
    ...drawBar(reason))));
}

// A number is a mark on the axis of its column, next to the usual range.
function drawBar({ column, at, usual_at: usual, rule }) {
  const axis = (columnOf.get(column) || {}).axis;
  if (rule || !axis || !usual || at === null) return [];
  const track = make("span", { class: "track", "aria-hidden": "true" });
  const bar = (className, from, to) => {
    const part = make("span", { class: className });
    part.style.left = 100 * from + "%";
    part.style.width = 100 * (to - from) + "%";
    track.append(part);
  };
  const [low, high] = ends([...axis, ...usual, at]);
  const along = (value) => (high > low ? (value - low) / (high - low) : 0.5);
  bar("usual-range", along(usual[0]), along(usual[1]));
  bar("mark", along(at), along(at));
  return [track];
}

function listenToList() {
  const changed = () => {
    showList();
    keepView();
  };
  byId("search").addEventListener("input", changed);
  byId("scope").addEventListener("change", changed);
  byId("clear-cell").addEventListener("click", () => {
    chooseCells([]);
    byId("search").focus();
  });
  byId("more").addEventListener("click", () => {
    state.nShown += PAGE_SIZE;
    drawList();
  });
  for (const head of document.querySelectorAll("#rows th[data-key]")) {
    head.firstElementChild.addEventListener("click", () => {
      const { key } = head.dataset;
      // A first click on the score shows the most unusual row first, as the rank does.
      sortBy(key, key === state.sort ? !state.isDown : key === "score" || key === "amount");
      changed();
    });
  }
}

function sortBy(key, isDown) {
  state.sort = key;
  state.isDown = isDown;
  for (const head of document.querySelectorAll("#rows th")) {
    if (head.dataset.key === key) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}
