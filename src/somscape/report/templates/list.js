// The ranked list: order, search, reasons, original values.

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
  const would = row.counterfactual ? [text("p", "This row " + row.counterfactual + ".", "would")] : [];
  line.after(make("tr", { role: "row", class: "details" },
    make("td", { role: "cell", colspan: "7" }, ...would, make("dl", { class: "values" }, ...values))));
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
