// Checks of the columns: facts that nearly all rows obey, with the rows that do not obey.

function fillChecks() {
  const checks = data.checks ?? []; // missing in a report of an earlier version
  for (const place of document.querySelectorAll(".of-checks")) place.hidden = !checks.length;
  byId("checks-count").append(number(checks.length));
  document.querySelector("#checks tbody").append(...checks.map((found) =>
    make("tr", null, text("td", found.sentence),
      make("td", { class: "number" }, number(found.n_obey) + " of " + number(found.n_rows)))));
}
