// Cleared rows fold away: a line says how many, and shows them.

let showsCleared = false;

function isFolded(row) {
  return !showsCleared && !byId("decided").value && markOf(row).decision === "cleared";
}

// Which rows are listed, by what was decided.
function drawFilter() {
  const choices = [["", "Any"], ["open", "Not yet"], ["confirmed", "Confirmed"], ["later", "Later"], ["cleared", "Cleared"]];
  const select = make("select", { id: "decided" }, ...choices.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", showList);
  byId("region-filter").after(make("span", { class: "labelled" }, make("label", { for: "decided" }, "Decided"), select));
  const folded = make("p", { id: "folded", hidden: "" }, make("span", null), " ", make("button", { type: "button", class: "small" }, "Show"));
  folded.lastElementChild.addEventListener("click", () => {
    showsCleared = !showsCleared;
    drawList();
  });
  byId("rows").before(folded);
  additions.keep.push((row) => !select.value || select.value === markOf(row).decision);
  additions.keep.push((row) => !isFolded(row));
  additions.drawn.push(sayFolded);
}

function sayFolded() {
  const n = listed.filter((row) => markOf(row).decision === "cleared" && (row.isAlert || scope() === "all")).length;
  byId("folded").hidden = n === 0 || Boolean(byId("decided").value);
  byId("folded").firstElementChild.textContent = number(n) + " cleared" + (showsCleared ? "," : " and folded away,");
  byId("folded").lastElementChild.textContent = showsCleared ? "fold away" : "show";
}

drawFilter();
