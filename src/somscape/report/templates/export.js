// Exports: the list as CSV, all data as JSON, and the view as a link.

// A text that spreadsheets would read as a formula gets a ' before it, as in alerts.csv.
function csvCell(value) {
  if (value === null || value === undefined) return "";
  const words = String(value);
  const isRisky = /^[=+\-@\t\r']/.test(words) && !/^[+-]?[0-9.]+(e[+-]?[0-9]+)?$/i.test(words);
  const safe = isRisky ? "'" + words : words;
  return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

function listAsCsv() {
  const names = ["rank", data.id_name, "score", "p_value", "unit", "row", "col", ...(hasRegions() ? ["region", "region_name"] : []), ...(named ? ["named", "probability", "true"] : []), "reasons",
    ...data.rows.cells.map(({ name }) => name)];
  const lines = chosenRows().map((row) => [row.rank, row.id, row.score, row.p, row.unit, ...place(row.unit),
    ...(hasRegions() ? [regionOfUnit(row.unit).number, regionOfUnit(row.unit).name] : []),
    ...(named ? [classOf(row).name, classOf(row).probability, classOf(row).is] : []),
    named ? classOf(row).why : row.isAlert ? row.reasons.map((reason) => columnOfReason(reason) + " " + reason.value + besideValue(reason)).join(" | ") || NONE_STANDS_OUT : "",
    ...row.cells().map(([, cell]) => cell)]);
  return [names, ...lines].map((line) => line.map(csvCell).join(",")).join("\n") + "\n";
}

function download(name, content, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

function listenToExports() {
  byId("save-csv").addEventListener("click", () => download("rows.csv", listAsCsv(), "text/csv"));
  byId("save-json").addEventListener("click", () =>
    download("report.json", JSON.stringify(JSON.parse(source), null, 1), "application/json"));
  byId("copy-link").hidden = !navigator.clipboard;
  byId("copy-link").addEventListener("click", () => {
    navigator.clipboard.writeText(location.href).then(
      () => { byId("copied").textContent = "Copied."; },
      () => { byId("copied").textContent = "This browser does not allow copying. Copy the address of the page instead."; });
  });
}
