// The start: a table comes in, by drop, choice or sample; earlier runs are listed.

const STATES = {
  waiting: "waiting", running: "running", failed: "failed", cancelled: "cancelled", interrupted: "interrupted",
};
const REFRESH = 2000; // milliseconds between looks at runs that go on

const open = (run) => { location.href = "/runs/" + run; };

function send(file) {
  const most = Number(meta("max-upload"));
  attempt(null, async () => {
    if (!meta("endings").split(",").some((ending) => file.name.toLowerCase().endsWith(ending))) {
      throw new Error(file.name + " is no kind of table that can be read here. Give a .csv, .tsv, .csv.gz, .parquet, .feather, .xlsx, .xls or .ods file.");
    }
    if (file.size > most) {
      throw new Error(file.name + " has " + number(Math.ceil(file.size / 1e6)) + " MB, more than the "
        + number(most / 1e6) + " MB that this server takes (--max-upload).");
    }
    byId("sending").textContent = "Taking in " + file.name + " ...";
    byId("sending").hidden = false;
    try {
      open((await call("uploads?name=" + encodeURIComponent(file.name), file)).run);
    } finally {
      byId("sending").hidden = true;
    }
  });
}

function listenToFiles() {
  const drop = byId("drop");
  let depth = 0; // children are entered and left, too
  const hover = (change) => {
    depth += change;
    drop.classList.toggle("over", depth > 0);
  };
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  drop.addEventListener("dragenter", (event) => holdsFiles(event) && hover(1));
  drop.addEventListener("dragleave", (event) => holdsFiles(event) && hover(-1));
  // Anywhere on the page, or the browser would open the file.
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    hover(-depth);
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) send(event.target.files[0]);
    event.target.value = "";
  });
  byId("sample").addEventListener("click", (event) =>
    attempt(event.target, async () => open((await call("sample", {})).run)));
}

function sayRun(run) {
  if (run.state === "done" && run.task === "rank") {
    const words = run.facts.headline  // a run of an earlier version has none
      ?? plural(run.facts.n_alerts, "row", "rows") + " listed of " + number(run.facts.n_rows);
    return run.facts.n_known ? words + ", ranked with " + plural(run.facts.n_known, "mark", "marks") : words;
  }
  if (run.state === "done") return "ready to run";
  const place = run.place ? ", place " + number(run.place) + " in line" : "";
  return STATES[run.state] + place + (run.problem ? ": " + run.problem : "");
}

function drawRun(run) {
  const isRanked = run.state === "done" && run.task === "rank";
  const link = make("a", { href: "/runs/" + run.run + (isRanked ? "/report" : "") }, text("span", run.name));
  const drop = make("button", { type: "button", class: "small", "aria-label": "Delete the run of " + run.name }, "Delete");
  drop.addEventListener("click", () => {
    if (!confirm("Delete this run of " + run.name + " and its files? The upload and its marks go with its last run.")) return;
    attempt(drop, async () => {
      await call("runs/" + run.run + "/delete", {});
      await listRuns();
    });
  });
  const facts = [new Date(run.made).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })];
  if (run.n_decisions) facts.push(plural(run.n_decisions, "row", "rows") + " marked");
  return make("li", { class: run.state, "data-run": run.run },
    make("div", { class: "what" }, link, make("span", { class: "hint" }, facts.join(" · "))),
    make("span", { class: "how" }, sayRun(run)), drop);
}

let last = "";
async function listRuns() {
  const runs = await call("runs");
  const goOn = runs.some((run) => ["waiting", "running"].includes(run.state));
  const now = JSON.stringify(runs.map(({ progress, ...run }) => run));
  if (now !== last) byId("runs").replaceChildren(...runs.map(drawRun));
  last = now;
  byId("runs").hidden = runs.length === 0;
  byId("no-runs").hidden = runs.length > 0;
  return goOn;
}

async function watchRuns() {
  const goOn = await listRuns().catch(showProblem);
  if (goOn) setTimeout(watchRuns, REFRESH);
}

byId("most").textContent = number(Number(meta("max-upload")) / 1e6) + " MB";
listenToFiles();
watchRuns();
// Also when the page comes back from the browser's memory, or from behind another one.
window.addEventListener("pageshow", (event) => event.persisted && watchRuns());
document.addEventListener("visibilitychange", () => document.hidden || watchRuns());
