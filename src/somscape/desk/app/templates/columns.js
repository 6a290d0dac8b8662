// The columns with their kinds and reasons, and a choice to correct them.

const N_COLUMNS = 100; // number of columns shown at first
const MAX_WHOLE = 20; // characters of an example that are in one line, such as the characters of a date
const KINDS = {
  number: "number", category: "category", ordinal: "ordered category", date: "date", drop: "left out",
  dropped: "left out", constant: "left out", id: "id", label: "known outcome",
};
const ROLES = {
  id: "Identifies the rows. The map does not use this column.",
  label: "Known outcome. The map does not use this column. The list is compared with the outcome.",
};

const setup = { columns: [], settings: {}, nShown: N_COLUMNS };

function drawColumns() {
  const word = byId("find").value.toLowerCase();
  const found = setup.columns.map((column, i) => [column, i])
    .filter(([column]) => column.name.toLowerCase().includes(word));
  const shown = found.slice(0, setup.nShown);
  document.querySelector("#columns tbody").replaceChildren(...shown.map(([column, i]) => drawColumn(column, i)));
  byId("more").hidden = shown.length === found.length;
  byId("more").textContent = "Show " + number(Math.min(N_COLUMNS, found.length - shown.length)) + " more";
  byId("find-box").hidden = setup.columns.length < 13;
  const nUsed = setup.columns.filter((column, i) => isUsed(kindOf(column, i))).length;
  byId("ready").textContent = number(nUsed) + " of " + plural(setup.columns.length, "column", "columns") + " will be used.";
}

function roleOf(i) {
  return ["id", "label"].find((role) => setup.settings[role] === i);
}

function kindOf(column, i) {
  return roleOf(i) || setup.settings.kinds[i] || (column.kind === "id" ? "drop" : column.kind);
}

const isUsed = (kind) => ["number", "category", "ordinal", "date"].includes(kind);

function drawColumn(column, i) {
  const role = roleOf(i);
  const chosen = setup.settings.kinds[i] || "";
  const kind = kindOf(column, i);
  const cell = (className, label, ...children) =>
    make("td", { role: "cell", class: className, "data-label": label }, ...children);
  const name = text("th", column.name, "name");
  name.setAttribute("role", "rowheader");
  name.setAttribute("scope", "row");
  return make("tr", { role: "row", class: (isUsed(kind) ? "" : "unused") + (column.is_problem ? " warned" : ""), "data-column": i },
    name,
    cell("kind", null, role ? make("span", null, KINDS[role]) : chooseKind(column, i, chosen)),
    cell("why", null, ...sayWhy(column, i, kind, chosen, role)),
    cell("examples", "e.g.", ...drawExamples(column)),
    cell("number", "missing", sayMissing(column)));
}

function chooseKind(column, i, chosen) {
  const automatic = column.kind === "id" ? "drop" : column.kind;
  const option = (value, words) => make("option", { value, selected: value === chosen || (value === "" && chosen === automatic) ? "" : null }, words);
  const kinds = [...column.may_be, "drop"].filter((kind) => column.is_problem || kind !== automatic);
  const options = kinds.map((kind) => option(kind, KINDS[kind]));
  if (!column.is_problem) options.unshift(option("", KINDS[automatic] + " (detected)"));
  const select = make("select", { "aria-label": "Kind of " + column.name }, ...options);
  select.addEventListener("change", () => {
    if (select.value) setup.settings.kinds[i] = select.value;
    else delete setup.settings.kinds[i];
    drawColumns();
    document.querySelector('[data-column="' + i + '"] select').focus();
  });
  return select;
}

function sayWhy(column, i, kind, chosen, role) {
  if (role) return [ROLES[role]];
  const why = chosen ? "Your choice." : sentence(column.why);
  const said = [text("span", column.is_problem ? column.why + "." : why)]; // a problem begins with the name of a file
  if (kind === "ordinal" && (setup.settings.orders[i] || !column.may_be.includes("number"))) {
    const order = make("input", {
      type: "text", value: setup.settings.orders[i] ?? column.levels.map(([level]) => level).join("<"),
      "aria-label": "Order of " + column.name + ", from low to high with < between", spellcheck: "false",
    });
    setup.settings.orders[i] = order.value;
    order.addEventListener("input", () => { setup.settings.orders[i] = order.value; });
    said.push(make("span", { class: "order" }, "From low to high: ", order));
  }
  return said;
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1) + (/[.?]$/.test(words) ? "" : ".");

function drawExamples(column) {
  const draw = (example) => text("code", example, example.length <= MAX_WHOLE ? "together" : "");
  return column.examples.flatMap((example, i) => (i ? [" ", draw(example)] : [draw(example)]));
}

function sayMissing(column) {
  const share = column.n_missing / setup.n_rows;
  return column.n_missing === 0 ? "0" : number(column.n_missing) + " (" + number(Number((100 * share).toPrecision(2))) + "\u00a0%)";
}
