// Cleared rows are folded: the list hides them, unless they returned. A line contains their number and a button to show them.

const isCleared = (row) => markOf(row).decision === "cleared";

// A filter of the list by decision.
function drawFilter() {
  const choices = [["", "Any"], ["open", "Not decided"], ["confirmed", "Confirmed"], ["later", "Later"], ["cleared", "Cleared"]];
  const select = make("select", { id: "decided" }, ...choices.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", showList);
  byId("region-filter").after(make("span", { class: "labelled" }, make("label", { for: "decided" }, "Decision"), select));
  const folded = make("p", { id: "folded", hidden: "" }, make("span", null), " ", make("button", { type: "button", class: "small" }, "show"));
  folded.lastElementChild.addEventListener("click", () => {
    select.value = select.value === "cleared" ? "" : "cleared";
    showList();
  });
  byId("rows").before(folded);
  // A watch lists cleared rows after all others, where they are not alerts.
  additions.also.push((row) => select.value === "cleared" && isCleared(row));
  additions.keep.push((row) => (select.value ? select.value === markOf(row).decision : !isCleared(row)));
  additions.show.push((row) => { select.value = isCleared(row) ? "cleared" : ""; });
  additions.drawn.push(sayFolded);
}

function sayFolded() {
  const n = listed.filter(isCleared).length;
  const isShown = byId("decided").value === "cleared";
  byId("folded").hidden = n === 0;
  byId("folded").firstElementChild.textContent = plural(n, "cleared row", "cleared rows") + (isShown ? " shown," : " folded,");
  byId("folded").lastElementChild.textContent = isShown ? "show the other rows" : "show";
}

drawFilter();
