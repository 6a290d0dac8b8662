// The page of a run: settings before the run, progress during the run. A finished run shows its report.

const STAGES = { reading: "Reading the table", writing: "Writing the report", saving: "The disk of the server is full. The run continues when there is space" };
const IS_TEXT = /\.(csv|tsv|txt)(\.gz)?$/i;
const IS_WORKBOOK = /\.(xlsx|xlsb|xlsm|xls|ods)$/i;
const RULES = { alerts: "by-number", contamination: "by-share", fdr: "by-rate", p_value: "by-p", cost: "by-cost" };
const PERCENT = ["contamination", "fdr"];
const MAX_ROLES = 2e6; // bytes
const KINDS_OF_RULES = ["always", "never", "floor", "direction"];
const here = "runs/" + host.run;
let source = null;

async function show() {
  const run = await call(here);
  document.title = run.name + " · somscape";
  byId("name").textContent = run.name;
  if (run.state === "done" && run.task !== "read") {
    location.replace("/runs/" + host.run + "/report");
    return;
  }
  const isGoing = ["waiting", "running"].includes(run.state);
  byId("size").textContent = run.table ? plural(run.table.n_rows, "row", "rows") + ", "
    + plural(run.table.columns.length, "column", "columns") : "";
  byId("going").hidden = !isGoing;
  byId("setup").hidden = isGoing || !run.table;
  byId("retry-box").hidden = isGoing || Boolean(run.table);
  byId("retry").hidden = run.state === "failed"; // a second attempt would fail as well
  byId("record-again").hidden = !run.is_known_table;
  const [isText, isWorkbook] = [IS_TEXT.test(run.file), IS_WORKBOOK.test(run.file)];
  byId("reading").hidden = isGoing || run.task !== "read" || run.n_decisions > 0 || !(isText || isWorkbook);
  for (const part of document.querySelectorAll(".of-text")) part.hidden = !isText;
  for (const part of document.querySelectorAll(".of-workbook")) part.hidden = !isWorkbook;
  byId("reading").open = run.state === "failed" || (run.task === "read" && run.problem !== "");
  for (const [field, value] of Object.entries(run.reading)) byId(field).value = value ?? "";
  drawTop(run);
  if (run.state === "cancelled") showProblem({ message: "This run was cancelled." });
  else showProblem(run.problem ? { message: run.problem } : null);
  showUnchanged(run);
  if (isGoing) {
    drawProgress(run);
    listen();
  } else if (run.table) {
    fillSetup(run);
  }
}

// A file that a watch could not run has changed nothing in the watch.
function showUnchanged({ watch, state, settings, is_known_table: isKnown }) {
  const isWrong = watch !== null && state === "failed";
  byId("right-box").hidden = !isWrong;
  if (!isWrong) return;
  document.querySelector("#retry-box .delete").textContent = "Remove this upload";
  if (!isKnown) byId("problem").append(" Nothing was recorded, and the watch ", text("b", watch), " is unchanged.");
  byId("right").onchange = ({ target }) => {
    if (target.files.length) send(target.files[0], watch, settings.instead_of ?? undefined, settings.new_ids);
    target.value = "";
  };
  byId("other-table").href = "/watches/" + encodeURIComponent(watch);
  byId("other-table").replaceChildren("Back to ", text("span", watch));
}

// The first lines of the file. A button makes a line the line of the column names.
function drawTop({ top, reading, table }) {
  byId("top-box").hidden = !top?.rows.length;
  if (byId("top-box").hidden) return;
  const line = reading.header ?? top.line;
  const note = (table?.notes ?? []).find((each) => /title line|column names from/.test(each));
  byId("names-note").textContent = note ? "Recognized: " + note + "." : "";
  if (note) byId("reading").open = true;
  byId("top").tBodies[0].replaceChildren(...top.rows.map(([n, cells]) => {
    const button = make("button", { type: "button", "aria-pressed": n === line, "aria-label": "Line " + n + " contains the column names" }, "Line " + n);
    button.addEventListener("click", () => {
      byId("header").value = n;
      readAgain(button);
    });
    return make("tr", { class: n === line ? "names" : "" }, make("th", { scope: "row" }, button), ...cells.map((cell) => text("td", cell)));
  }));
}

function readAgain(button) {
  return attempt(button, async () => {
    const chosen = ["delimiter", "decimal", "encoding", "sheet"].map((field) => [field, byId(field).value || null]);
    await call(here + "/read", { ...Object.fromEntries(chosen), header: byId("header").value === "" ? null : Number(byId("header").value) });
    await show();
    byId("name").focus();
  });
}

// Progress -----------------------------------------------------------------------------------

function listen() {
  if (source || document.hidden) return;
  source = new EventSource("/api/" + here + "/events");
  source.addEventListener("message", (event) => {
    const state = JSON.parse(event.data);
    if (["waiting", "running"].includes(state.state)) {
      drawProgress(state);
      return;
    }
    stopListening();
    show().catch(showProblem);
  });
  source.addEventListener("error", () => {
    byId("stage").textContent = "The server does not answer. This page tries again.";
    // The connection was refused, not only interrupted. Ask for the reason.
    if (source && source.readyState === EventSource.CLOSED) {
      stopListening();
      show().catch(showProblem);
    }
  });
}

function stopListening() {
  if (source) source.close();
  source = null;
}

function drawProgress(state) {
  const found = state.progress || {};
  byId("going-title").textContent = state.task === "read" ? "Reading the columns" : "Ranking the rows";
  if (state.state === "waiting") {
    byId("stage").textContent = state.place > 1 ? "Waiting at position " + number(state.place) + " of the queue." : "Waiting. This run is next.";
  } else if (found.stage === "training") {
    byId("stage").textContent = "Training map " + number(found.map) + " of " + number(found.n_maps) + ", epoch "
      + number(found.step) + " of at most " + number(found.n_steps) + ".";
  } else {
    byId("stage").textContent = (STAGES[found.stage] || "Starting") + " ...";
  }
  if (found.stage === "training") byId("share").value = (found.map - 1 + found.step / found.n_steps) / found.n_maps;
  else if (found.stage === "writing") byId("share").value = 1;
  else byId("share").removeAttribute("value");
  drawCurve((found.errors || []).filter((error) => error !== null));
}

function drawCurve(errors) {
  byId("curve-box").hidden = errors.length < 2;
  if (errors.length < 2) return;
  const [width, height] = [320, 90];
  const high = Math.max(...errors);
  const at = (error, i) => (width * i) / (errors.length - 1) + "," + (2 + (height - 4) * (1 - error / (high || 1))).toFixed(1);
  byId("curve").firstElementChild.setAttribute("points", errors.map(at).join(" "));
  byId("error").textContent = number(errors[errors.length - 1]);
}

// Settings -----------------------------------------------------------------------------------

function fillSetup(run) {
  setup.columns = run.table.columns;
  setup.n_rows = run.table.n_rows;
  setup.settings = run.settings;
  const numbered = setup.columns.map((column, i) => [column, i]);
  const unique = numbered.filter(([column]) => column.n_missing === 0 && column.n_distinct === setup.n_rows);
  fillSelect("id", "none, number the rows", unique);
  fillSelect("label", "no", numbered.filter(([column]) => column.levels.length >= 2));
  fillValues();
  fillRule(numbered);
  byId("alerts").max = setup.n_rows;
  byId("missing").value = run.settings.missing;
  byId("seed").value = run.settings.seed;
  byId("rules").value = KINDS_OF_RULES.flatMap((kind) => (run.settings[kind] ?? []).map((rule) => kind + " " + rule)).join("\n");
  byId("uses-marks").checked = run.settings.uses_marks && run.n_decisions > 0;
  byId("marks-box").hidden = run.n_decisions === 0;
  byId("marks-hint").textContent = plural(run.n_decisions, "row is", "rows are") + " marked as confirmed or cleared.";
  byId("notes-box").hidden = run.table.notes.length === 0;
  byId("notes").replaceChildren(...run.table.notes.map((note) => text("li", note)));
  const told = run.settings.told;
  byId("told").hidden = told.length === 0;
  byId("told").replaceChildren(...told.map((sentence) => text("li", sentence)));
  drawColumns();
}

// The number of rows to list: one of several rules, each with its own number.
function fillRule(numbered) {
  const amounts = numbered.filter(([column]) => column.may_be.includes("number"));
  byId("amount").replaceChildren(make("option", { value: "" }, "choose a column"), ...amounts.map(([column, i]) => make("option", { value: i }, column.name)));
  byId("amount").value = amounts.find(([column]) => column.name.toLowerCase().includes("amount"))?.[1] ?? "";
  byId("cost-line").hidden = amounts.length === 0;
  if (setup.settings.amount != null) byId("amount").value = setup.settings.amount;
  const customers = numbered.filter(([column]) => column.n_missing === 0 && column.n_distinct > 1 && column.n_distinct < setup.n_rows);
  byId("per").replaceChildren(make("option", { value: "" }, "no, each row is separate"),
    ...customers.map(([column, i]) => make("option", { value: i }, "yes, identified by " + column.name)));
  byId("per").value = setup.settings.per?.[0] ?? "";
  byId("features").hidden = byId("per").value === "";
  byId("just-below").value = (setup.settings.just_below ?? []).join("; ");
  showGiveRoles();
  byId("by-itself").checked = true;
  byId("alerts").value = Math.min(20, setup.n_rows);
  byId("contamination").value = 5;
  for (const [rule, choice] of Object.entries(RULES)) {
    const value = setup.settings[rule] ?? null;
    if (value === null) continue;
    byId(choice).checked = true;
    byId(rule).value = PERCENT.includes(rule) ? Number((100 * value).toPrecision(10)) : value;
  }
}

// A roles file does not support combined rows.
const showGiveRoles = () => { byId("give-roles").hidden = byId("per").value !== ""; };

// The features of customers, before they are computed. They depend on the kinds of the columns.
async function showFeatures() {
  byId("features").hidden = byId("per").value === "";
  if (byId("features").hidden || !byId("features").open) return;
  const names = await call(here + "/features", chosenSettings());
  byId("feature-list").replaceChildren(...names.map((name) => {
    const box = make("input", { type: "checkbox" });
    box.checked = !setup.settings.left_out.includes(name);
    box.addEventListener("change", () => {
      const others = setup.settings.left_out.filter((each) => each !== name);
      setup.settings.left_out = box.checked ? others : [...others, name];
    });
    return make("p", null, make("label", null, box, " " + name));
  }));
}

function listenToRoles() {
  byId("per").addEventListener("change", showGiveRoles);
  for (const [id, event] of [["per", "change"], ["features", "toggle"]]) {
    byId(id).addEventListener(event, () => showFeatures().catch(showProblem));
  }
  byId("take-roles").addEventListener("change", (event) => {
    const file = event.target.files[0];
    attempt(event.target, async () => {
      if (file.size > MAX_ROLES) throw new Error(file.name + " is too large for a roles file.");
      await call(here + "/roles?name=" + encodeURIComponent(file.name), file);
      await show();
    });
    event.target.value = "";
  });
  byId("give-roles").addEventListener("click", (event) =>
    attempt(event.target, async () => {
      await call(here + "/settings", chosenSettings());
      location.href = "/runs/" + host.run + "/files/roles.toml";
    }));
}

function fillSelect(role, none, columns) {
  byId(role).replaceChildren(make("option", { value: "" }, none),
    ...columns.map(([column, i]) => make("option", { value: i }, column.name)));
  byId(role).value = setup.settings[role] ?? "";
}

function fillValues() {
  const column = setup.columns[setup.settings.label];
  byId("value-box").hidden = !column;
  if (!column) return;
  const rarest = column.levels.reduce((least, other) => (other[1] < least[1] ? other : least));
  setup.settings.value ??= rarest[0];
  byId("value").replaceChildren(...column.levels.map(([level, count]) =>
    make("option", { value: level }, level + " (" + plural(count, "row", "rows") + ")")));
  byId("value").value = setup.settings.value;
}

function listenToSetup() {
  for (const [role, other] of [["id", "label"], ["label", "id"]]) {
    byId(role).addEventListener("change", (event) => {
      const chosen = event.target.value === "" ? null : Number(event.target.value);
      setup.settings[role] = chosen;
      if (chosen !== null && setup.settings[other] === chosen) {
        setup.settings[other] = null;
        byId(other).value = "";
      }
      setup.settings.value = null;
      fillValues();
      drawColumns();
    });
  }
  byId("value").addEventListener("change", (event) => { setup.settings.value = event.target.value; });
  for (const [field, choice] of [...Object.entries(RULES), ["amount", "by-cost"]]) {
    byId(field).addEventListener("input", () => { byId(choice).checked = true; });
  }
  byId("find").addEventListener("input", () => {
    setup.nShown = N_COLUMNS;
    drawColumns();
  });
  byId("more").addEventListener("click", () => {
    setup.nShown += N_COLUMNS;
    drawColumns();
  });
}

// The rules in the lines of a text, by kind. A line begins with the kind of its rule.
function rulesIn(lines) {
  const rules = Object.fromEntries(KINDS_OF_RULES.map((kind) => [kind, []]));
  for (const line of lines.split("\n").map((each) => each.trim()).filter(Boolean)) {
    const [kind] = line.split(/\s/, 1);
    if (!KINDS_OF_RULES.includes(kind)) throw new Error("The rule '" + line + "' must begin with " + KINDS_OF_RULES.join(", ") + ".");
    rules[kind].push(line.slice(kind.length).trim());
  }
  return rules;
}

function chosenSettings() {
  const settings = { ...setup.settings, ...rulesIn(byId("rules").value) };
  for (const [rule, choice] of Object.entries(RULES)) {
    const value = Number(byId(rule).value) / (PERCENT.includes(rule) ? 100 : 1);
    settings[rule] = byId(choice).checked ? value : null;
  }
  settings.amount = settings.cost === null || byId("amount").value === "" ? null : Number(byId("amount").value);
  const others = (setup.settings.per ?? []).slice(1); // the page shows only the first of several columns
  settings.per = byId("per").value === "" ? [] : [Number(byId("per").value), ...others.filter((i) => i !== Number(byId("per").value))];
  settings.just_below = byId("just-below").value.split(";").map((each) => each.trim()).filter(Boolean);
  settings.missing = byId("missing").value;
  settings.seed = Number(byId("seed").value);
  settings.uses_marks = byId("uses-marks").checked;
  return settings;
}

function listenToButtons() {
  byId("setup").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(byId("start"), async () => {
      await call(here + "/start", chosenSettings());
      await show();
      byId("name").focus();
    });
  });
  byId("cancel").addEventListener("click", (event) =>
    attempt(event.target, async () => {
      await call(here + "/cancel", {});
      stopListening();
      await show();
      byId("name").focus();
    }));
  for (const [id, again] of [["retry", false], ["record-again", true]]) {
    byId(id).addEventListener("click", (event) =>
      attempt(event.target, async () => {
        await call(here + "/retry", { again });
        await show();
      }));
  }
  byId("read").addEventListener("click", (event) => readAgain(event.target));
  for (const button of document.querySelectorAll(".delete")) {
    button.addEventListener("click", () => {
      if (!confirm(button.textContent + " and its files? Deleting the last run of a table also deletes the table and its marks.")) return;
      attempt(button, async () => {
        await call(here + "/delete", {});
        location.href = "/";
      });
    });
  }
}

listenToSetup();
listenToRoles();
listenToButtons();
show().catch(showProblem);
// A hidden page closes its connection, because browsers allow only a few connections to a server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopListening();
  else show().catch(showProblem);
});
window.addEventListener("pageshow", (event) => event.persisted && show().catch(showProblem));
