// The lists of the home page: watches with their waiting cases, then other runs.

const STATES = {
  waiting: "waiting", running: "running", failed: "failed", cancelled: "cancelled", interrupted: "interrupted",
};
const REFRESH = 2000; // milliseconds between two updates while runs are in progress

const goesOn = (run) => ["waiting", "running"].includes(run.state);
const isRanked = (run) => run.state === "done" && run.task !== "read";
const watchAt = (name) => "/watches/" + encodeURIComponent(name);

// Watches -------------------------------------------------------------------------------------

function drawWatch(watch) {
  const { name, last } = watch;
  const file = make("input", { class: "unseen needs-run", type: "file", accept: meta("endings"), id: "file-of-" + watch.place });
  file.addEventListener("change", () => {
    if (file.files.length) send(file.files[0], name);
    file.value = "";
  });
  const link = (href, words, className = "") => make("a", { href, class: className }, words);
  const report = watch.report ? [link("/runs/" + watch.report + "/report", "Last report")] : [];
  return make("li", { "data-watch": name },
    make("h3", null, make("a", { href: watchAt(name) }, text("span", name))),
    make("p", { class: "hint" }, ...sayLast(watch)),
    make("p", { class: "waits" }, ...sayWaiting(watch)),
    ...(watch.months.length ? [drawMonths(watch.months)] : []),
    ...(last && last.drift ? [make("p", { class: last.is_drift ? "drift" : "drift none" }, text("span", afterNames(last.drift, numbersOf(watch))),
      ...(last.is_drift ? [" ", link(watchAt(name) + "#wrong-table", "Wrong table?", "needs-run")] : []))] : []),
    make("p", { class: "controls" },
      make("label", { class: "button needs-run", for: file.id }, "Run on a new file"), file,
      link(watchAt(name), "Cases"), ...report));
}

// The tables of the last runs, with the decisions on what these runs listed.
function drawMonths(months) {
  const has = (name, then = name) => months.some((run) => run[name]) ? [then] : [];
  const names = ["listed", "confirmed", "cleared", "open", ...has("later"), ...has("checks", "open_checks")];
  const label = (name) => name.replace("open_", "open ");
  return make("table", { class: "months", "aria-label": "Decisions by run" },
    make("thead", null, make("tr", null, ...["table", ...names].map((name, i) => make("th", { scope: "col", class: i ? "number" : null }, label(name))))),
    make("tbody", null, ...months.map((run) => make("tr", null, make("th", { scope: "row" }, sourceOf(run.source), ", " + dayOf(run.made)),
      ...names.map((name) => make("td", { class: "number", "data-label": label(name) }, number(run[name])))))));
}

// The last run, and its news as in its report.
function sayLast({ last, noun, n_new: nNew, n_returned: nReturned, n_risen: nRisen, n_new_checks: nNewChecks }) {
  if (!last) return ["no run yet"];
  const rows = last.n_rows === null ? "" : ", " + plural(last.n_rows, noun, noun + "s");
  const news = [[nNew, "new"], [nReturned, "returned"], [nRisen, "risen"], [nNewChecks, "new or changed " + (nNewChecks === 1 ? "check" : "checks")]]
    .filter(([n]) => n).map(([n, words]) => number(n) + " " + words).join(", ");
  return ["run " + number(last.number) + ", " + when(last.made) + ", of ", sourceOf(last.source), rows + (news && ": " + news)];
}

function sayWaiting({ noun, amount, amount_column: column, n_open: nOpen, n_open_checks: nChecks, n_later: nLater }) {
  const nRows = nOpen - nChecks;
  const waiting = [nRows ? plural(nRows, noun, noun + "s") : "", nChecks ? plural(nChecks, "check", "checks") : ""].filter(Boolean).join(" and ");
  const open = make("b", { class: nOpen ? "some" : "none" }, nOpen ? waiting + (nOpen === 1 ? " is open" : " are open") : "No case waits");
  const said = [];
  if (column && nOpen) said.push(make("span", { class: "hint" }, text("span", column), " " + money(amount) + " at stake"));
  return [open, ...said, ...(nLater ? [make("span", { class: "hint" }, number(nLater) + " for later")] : [])];
}

// Runs ----------------------------------------------------------------------------------------

function sayRun(run) {
  if (isRanked(run)) {
    const words = run.facts.headline;
    return run.facts.n_known ? words + ", ranked with " + plural(run.facts.n_known, "mark", "marks") : words;
  }
  if (run.state === "done") return "ready to run";
  const place = run.place ? ", position " + number(run.place) + " of the queue" : "";
  return STATES[run.state] + place + (run.problem ? ": " + run.problem : "");
}

function drawRun(run) {
  const link = make("a", { href: "/runs/" + run.run + (isRanked(run) ? "/report" : "") }, text("span", run.name));
  const rename = make("button", { type: "button", class: "small rename", "aria-label": "Rename " + run.name }, "Rename");
  rename.addEventListener("click", () => editName(run, rename));
  const drop = make("button", { type: "button", class: "small delete", "aria-label": "Delete the run of " + run.name }, "Delete");
  drop.addEventListener("click", () => {
    if (!confirm("Delete this run of " + run.name + " and its files? Deleting the last run of a table also deletes the table and its marks.")) return;
    attempt(drop, async () => {
      await call("runs/" + run.run + "/delete", {});
      await listRuns();
    });
  });
  const facts = [when(run.made)];
  if (run.name !== run.file) facts.unshift(run.file);
  if (run.watch) facts.push("watch " + run.watch);
  if (run.n_decisions) facts.push(plural(run.n_decisions, "row", "rows") + " marked");
  return make("li", { class: run.state, "data-run": run.run },
    make("div", { class: "what" }, link, text("span", facts.join(" · "), "hint")),
    make("span", { class: "how" }, sayRun(run)), make("span", { class: "do needs-run" }, rename, drop));
}

// A field replaces the name. Enter saves the new name, Escape does not.
function editName(run, button) {
  const link = button.closest("li").querySelector(".what a");
  const field = make("input", { type: "text", value: run.name, maxlength: 200, "aria-label": "Name of this run" });
  let isLeft = false;
  const leave = (isKept) => {
    if (isLeft) return;
    isLeft = true;
    field.replaceWith(link);
    button.focus();
    if (!isKept || field.value.trim() === run.name) return;
    attempt(button, async () => {
      await call("runs/" + run.run + "/name", { name: field.value.trim() });
      await listRuns();
    });
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") leave(true);
    if (event.key === "Escape") leave(false);
  });
  field.addEventListener("blur", () => leave(true));
  link.replaceWith(field);
  field.select();
}

// A table that could not be read or recorded is not a run. It gets a line with a link to the choices.
function drawFailed(run) {
  const drop = make("button", { type: "button", class: "small needs-run", "aria-label": "Remove the line about " + run.name }, "\u2715");
  drop.addEventListener("click", () => attempt(drop, async () => {
    await call("runs/" + run.run + "/delete", {});
    await listRuns();
  }));
  const failed = run.watch ? [" was not recorded for the watch ", text("b", run.watch)] : [" could not be read"];
  const choices = run.watch ? "Show the choices" : run.task === "read" ? "Change how it is read" : "";
  const again = choices && may("run") ? make("a", { href: "/runs/" + run.run }, choices) : "";
  return make("li", { "data-run": run.run },
    make("span", null, text("b", run.name), ...failed, ": ", text("span", run.problem.replace("Nothing was recorded. ", "")), " ", again), drop);
}

let last = "";
async function listRuns() {
  const [watches, runs] = await Promise.all([call("watches"), call("runs")]);
  const now = JSON.stringify([watches, runs.map(({ progress, ...run }) => run)]);
  if (now !== last && !document.querySelector("#runs input")) drawLists(watches, runs);
  last = now;
  return runs.some(goesOn);
}

function drawLists(watches, runs) {
  const isBad = (run) => run.task !== "rank" && run.state === "failed";
  const failed = runs.filter(isBad);
  // Runs on the page of a watch are not listed again.
  const others = runs.filter((run) => !isBad(run) && !(run.watch && isRanked(run) && run.facts.watch_run));
  byId("watches-box").hidden = watches.length === 0;
  byId("watches").replaceChildren(...watches.map((watch, place) => drawWatch({ ...watch, place })));
  byId("runs-title").textContent = watches.length ? "Other runs" : "Runs";
  byId("runs").replaceChildren(...others.map(drawRun));
  byId("failed").replaceChildren(...failed.map(drawFailed));
  byId("runs").hidden = others.length === 0;
  byId("failed").hidden = failed.length === 0;
  byId("no-runs").hidden = watches.length + runs.length > 0;
}

async function watchRuns() {
  const goOn = await listRuns().catch(showProblem);
  if (goOn) setTimeout(watchRuns, REFRESH);
}

watchRuns();
// Also when the page is restored from the cache of the browser, or becomes visible again.
window.addEventListener("pageshow", (event) => event.persisted && watchRuns());
document.addEventListener("visibilitychange", () => document.hidden || watchRuns());
