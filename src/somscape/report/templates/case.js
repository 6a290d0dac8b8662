// A case shows the details of a row below its line in the list. Only one case is open at a time.

function openCase(rank) {
  state.row = rank;
  drawList();
  drawRings();
  keepView();
  // The button that had the focus was replaced by a new button.
  const line = document.querySelector('#rows tr[data-rank="' + (rank ?? "") + '"]');
  if (line) line.querySelector(".open button").focus({ preventScroll: true });
}

// Opens a row, even if the list does not show the row at present.
function goToCase(rank) {
  if (!byRank.has(rank)) return;
  additions.show.forEach((show) => show(byRank.get(rank)));
  byId("search").value = "";
  if (!byRank.get(rank).isAlert) document.querySelector('input[value="all"]').checked = true;
  chooseCells([]);
  state.nShown = Math.max(PAGE_SIZE, listed.length && chosenRows().findIndex((row) => row.rank === rank) + 1);
  openCase(rank);
  const line = document.querySelector('#rows tr[data-rank="' + rank + '"]');
  if (line) line.scrollIntoView({ block: "start" });
}

function drawCase(row) {
  const parts = [drawWhere(row)];
  if (row.found && row.found.counterfactual) {
    parts.push(block("Changes after which this row would not stand out",
      text("p", "This row " + inSentence(row.found.counterfactual.replace("would be usual", "would no longer stand out")) + ".", "would")));
  }
  parts.push(...additions.case.map((add) => add(row)));
  parts.push(drawComparison(row));
  if (row.found && row.found.rows && row.found.rows.cells.length) parts.push(drawOwnRows(row.found.rows));
  return make("tr", { role: "row", class: "details" },
    make("td", { role: "cell", colspan: N_COLUMNS },
      make("div", { class: "case", role: "group", "aria-label": "Case " + row.id }, ...parts)));
}

function block(title, ...children) {
  return make("div", { class: "block" }, make("h3", null, title), ...children);
}

// A table that has the whole width and scrolls horizontally.
function tableBlock(title, classes, head, lines, ...before) {
  const part = block(title, ...before, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    make("table", { class: classes }, make("thead", null, head), make("tbody", null, ...lines))));
  part.classList.add("wide");
  return part;
}

function drawWhere(row) {
  const { unit } = row;
  const heights = planes.get("u_heights").values;
  const lower = heights.filter((height) => height < heights[unit]).length / heights.length;
  const facts = [
    ["Unit", plural(perUnit.rows[unit], "row", "rows") + (data.score ? ", " + plural(perUnit.alerts[unit], "alert", "alerts") : "")
      + (data.score ? ", mean score " : ", mean distance ") + aligned(planes.get("mean_score").values[unit])],
    ["Border", "the unit differs more from its neighbors than " + percent(lower) + " of all units"],
  ];
  if (hasRegions()) {
    const region = regionOfUnit(unit);
    facts.splice(1, 0, ["Region", regionName(region) + ", with " + plural(region.n_rows, "row", "rows")
      + (data.score ? " and " + plural(region.n_alerts, "alert", "alerts") : "")]);
  }
  if (row.p !== null && data.amount) facts.splice(1, 0, ["p-value", smallShare(row.p)]); // a narrow list does not have it
  const around = row.found && row.found.around;
  if (around) {
    facts.push([data.agreement.label + " " + data.agreement.value, number(around.n_with) + " of "
      + plural(around.n_known, "labelled row", "labelled rows") + " in the same unit and in neighboring units, "
      + percent(around.n_with / around.n_known) + " (95\u00a0% interval " + percent(around.low) + " to "
      + percent(around.high) + ")"]);
  }
  return block("Position on the map", make("dl", { class: "facts" }, ...facts.map(([name, words]) =>
    make("div", null, text("dt", name), text("dd", words)))));
}

// A table of the original values of the row and of the nearest rows. The columns of its reasons are first.
function drawComparison(row) {
  const kinds = [["usual", "usual row"], ["labelled", data.agreement ? data.agreement.label + " " + data.agreement.value : ""]];
  const others = kinds.flatMap(([key, kind]) => ((row.found || {})[key] || [])
    .map(([rank, distance]) => ({ row: byRank.get(rank + 1), kind, distance })));
  const named = new Set(row.reasons.map(({ column }) => column));
  const order = data.rows.cells.map((_, i) => i)
    .sort((a, b) => named.has(data.rows.cells[b].name) - named.has(data.rows.cells[a].name) || a - b);
  const head = make("tr", null, make("th", { scope: "col" }, "Column"), make("th", { scope: "col" }, "This row"),
    ...others.map((other) => make("th", { scope: "col" }, nameOther(other))));
  const lines = order.map((i) => {
    const { name, values } = data.rows.cells[i];
    const own = values[row.position];
    const isNumber = (columnOf.get(name) || {}).kind === "number";
    return make("tr", { class: named.has(name) ? "reason" : null }, rowHead(name), cellOf(own, false, isNumber, name),
      ...others.map((other) => cellOf(values[other.row.position], values[other.row.position] !== own, isNumber, name)));
  });
  const title = others.length ? "Comparison with the nearest rows" : "Values";
  return tableBlock(title, "values", head, lines, ...(others.length ? [text("p", "Gray values are equal to the values of this row.", "hint")] : []));
}

// The original rows that were combined to this row, such as the transactions of a customer.
function drawOwnRows({ n_rows: nRows, by, cells }) {
  const nShown = cells[0].values.length;
  const title = "Original rows";
  const words = plural(nRows, "row", "rows") + (by && nShown > 1 ? ", sorted by " + by + " in descending order" : "")
    + (nShown < nRows ? " (the first " + number(nShown) + " are shown)" : "") + ".";
  const head = make("tr", null, ...cells.map(({ name }) => make("th", { scope: "col" }, text("span", name))));
  const lines = Array.from({ length: nShown }, (_, i) =>
    make("tr", null, ...cells.map(({ values }) => cellOf(values[i]))));
  return tableBlock(title, "values own", head, lines, text("p", words, "hint"));
}

function rowHead(name) {
  const head = text("th", name);
  head.setAttribute("scope", "row");
  return head;
}

function cellOf(cell, isOther, isNumber, name) {
  const shown = cell === null ? make("td", null, make("i", null, "missing")) : text("td", inColumn(name, cell), isNumber ? "number" : "");
  if (isOther) shown.classList.add("differs");
  if (isWhole(cell)) shown.classList.add("whole");
  return shown;
}

function nameOther({ row, kind, distance }) {
  const name = text("span", row.id);
  const link = row.rank <= listed.length
    ? make("button", { type: "button", class: "small", title: "Open this row" }, name) : name;
  if (link !== name) link.addEventListener("click", () => goToCase(row.rank));
  return make("span", { class: "other" }, link, text("span", kind), make("span", null, "distance " + number(distance)));
}
