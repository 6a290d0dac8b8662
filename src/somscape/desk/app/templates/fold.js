// Cleared rows fold away, unless they came back: a line says how many, and shows them.

const isCleared = (row) => markOf(row).decision === "cleared";

// Which rows are listed, by what was decided.
function drawFilter() {
  const choices = [["", "Any"], ["open", "Not yet"], ["confirmed", "Confirmed"], ["later", "Later"], ["cleared", "Cleared"]];
  const select = make("select", { id: "decided" }, ...choices.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", showList);
  byId("region-filter").after(make("span", { class: "labelled" }, make("label", { for: "decided" }, "Decided"), select));
  const folded = make("p", { id: "folded", hidden: "" }, make("span", null), " ", make("button", { type: "button", class: "small" }, "show"));
  folded.lastElementChild.addEventListener("click", () => {
    select.value = select.value === "cleared" ? "" : "cleared";
    showList();
  });
  byId("rows").before(folded);
  // A watch puts cleared rows behind all others, where they are no alerts.
  additions.also.push((row) => select.value === "cleared" && isCleared(row));
  additions.keep.push((row) => (select.value ? select.value === markOf(row).decision : !isCleared(row)));
  additions.show.push((row) => { select.value = isCleared(row) ? "cleared" : ""; });
  additions.drawn.push(sayFolded);
}

function sayFolded() {
  const n = listed.filter(isCleared).length;
  const isShown = byId("decided").value === "cleared";
  byId("folded").hidden = n === 0;
  byId("folded").firstElementChild.textContent = number(n) + " cleared" + (isShown ? "," : " and folded away,");
  byId("folded").lastElementChild.textContent = isShown ? "back to the others" : "show";
}

drawFilter();
