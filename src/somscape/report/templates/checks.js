// Checks of the columns: facts that nearly all rows obey, with the rows that do not obey.

function fillChecks() {
  const checks = data.checks ?? []; // a table can be without checks
  const cases = data.changed?.checks ?? []; // in a run of a watch, and can also name the cases of the same rows
  for (const place of document.querySelectorAll(".of-checks")) place.hidden = !checks.length;
  byId("checks-count").append(number(checks.length));
  document.querySelector("#checks tbody").append(...checks.map((found) => {
    const one = cases.find(({ sentence }) => sentence === found.sentence || sentence.startsWith(found.sentence + ". Case"));
    const said = one ? [one.key, one.news, ...(one.state === "open" ? [] : [one.state])].join(", ") : "";
    return make("tr", null, make("td", null, text("span", inCheck(found.sentence, decimalsOf)), " ", make("span", { class: "hint" }, said)),
      make("td", { class: "number" }, number(found.n_obey) + " of " + number(found.n_rows)));
  }));
}
