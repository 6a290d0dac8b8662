// The page of a watch: waiting and decided cases, and runs.

const PAGE_SIZE = 50;
const name = decodeURIComponent(location.pathname.split("/")[2]);
const at = "watches/" + encodeURIComponent(name);
const CHOICES = {
  waits: (one) => one.waits, last: (one) => one.is_last, all: () => true,
  later: (one) => one.state === "later", confirmed: (one) => one.state === "confirmed", cleared: (one) => one.state === "cleared",
};
const NOTHING = { waits: "No case is waiting for a decision, because all cases of the last run have one." };
let watch = null;
let nShown = PAGE_SIZE;
const typed = new Map(); // comments that are not saved yet, by key of the case

const caseOf = (key) => watch.cases.find((one) => one.key === key);
const lineOf = (key) => [...document.querySelectorAll("#cases li")].find((line) => line.dataset.key === key);

async function load() {
  watch = await call(at);
  for (const one of watch.cases) one.said = one.is_check ? [inCheck(one.reasons, numbersOf(watch))] : reasonsIn(one.reasons).map((reason) => inReason(reason, numbersOf(watch)));
  document.title = name + " · somscape";
  byId("name").textContent = name;
  byId("about").textContent = "A case is identified by " + watch.key.join(" and ") + ". Cleared cases wait for a decision again if they change much, or after "
    + plural(watch.clear_for, "month", "months") + ".";
  const isDrift = Boolean(watch.last?.is_drift);
  const again = watch.last ? make("span", { class: "needs-run" }, drawReplace(watch.last)) : "";
  byId("drifted").hidden = !isDrift;
  byId("drifted").replaceChildren(...(isDrift ? [text("span", afterNames(watch.last.drift, numbersOf(watch))), " ", again] : []));
  byId("replace").replaceChildren(isDrift ? "" : again);
  byId("report").hidden = !watch.report;
  drawCategories(watch.categories);
  if (document.activeElement !== byId("category-list")) byId("category-list").value = watch.categories.join("\n");
  byId("by-box").hidden = !watch.amount_column;
  if (watch.report) byId("report").href = "/runs/" + watch.report + "/report";
  drawCases();
  document.querySelector("#watch-runs tbody").replaceChildren(...watch.runs.map(drawRun));
  asCards(byId("watch-runs"));
}

function drawRun(run) {
  const source = run.report ? make("a", { href: "/runs/" + run.report + "/report" }, sourceOf(run.source)) : sourceOf(run.source);
  const again = run.replaced_by ? "" : make("span", { class: "needs-run" }, drawReplace(run));
  return make("tr", null, make("td", { class: "number" }, number(run.number)), make("td", { class: "table" }, source, " ", again),
    make("td", null, when(run.made)), text("td", run.author), make("td", { class: "number" }, number(run.n_rows)), make("td", { class: "decided" }, make("span", null, sayPrecision(run))),
    text("td", run.replaced_by ? "replaced by run " + number(run.replaced_by) : afterNames(run.drift, numbersOf(watch)), "drifted"));
}

function drawReplace(run) {
  const button = make("button", { type: "button", class: "small replace", "aria-label": "Replace run " + run.number }, "Wrong table?");
  button.addEventListener("click", () => askForRightFile(run));
  return button;
}

// Replace a run whose table was wrong, and all later runs, by a run on another file.
function askForRightFile(run) {
  const replaced = watch.runs.filter((each) => each.number >= run.number && !each.replaced_by).map((each) => number(each.number)).reverse();
  const place = (replaced.length > 1 ? "runs " : "run ") + asSeries(replaced);
  const isFirst = !watch.runs.some((each) => each.number < run.number && !each.replaced_by);
  const file = make("input", { type: "file", id: "right-file", accept: meta("endings"), required: "" });
  const newIds = make("input", { type: "checkbox", id: "new-ids" });
  const dialog = make("dialog", { id: "right-dialog", "aria-labelledby": "right-title" }, make("form", { method: "dialog" },
    make("h2", { id: "right-title" }, "Was the table of run " + number(run.number) + " wrong?"),
    make("p", { class: "hint" }, "A run on the right file replaces " + place + (isFirst ? "." : ". It is compared with the run before run " + number(run.number) + ".")
      + " Decisions and the audit do not change." + (replaced.length > 1 ? " After this run, also upload the later files again." : "")),
    make("p", null, make("label", { for: file.id }, "The right file"), file),
    make("p", null, make("label", null, newIds, " Each table has new ids, for example of transactions"),
      text("small", "Then no case is gone, and a row like a cleared case is folded. Later runs keep this setting. You can choose the same file again.", "hint")),
    make("p", { class: "controls" }, make("button", { class: "primary", value: "run" }, "Run and replace " + place),
      make("button", { value: "no", formnovalidate: "" }, "Cancel"))));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "run") send(file.files[0], name, run.number, newIds.checked);
  });
  document.body.append(dialog);
  dialog.showModal();
}

function drawCases() {
  const words = byId("search").value.toLowerCase();
  const choice = byId("which").value;
  const found = watch.cases.filter(CHOICES[choice])
    .filter((one) => [one.key, one.reasons, ...one.said, one.comment].some((part) => part.toLowerCase().includes(words)));
  if (byId("by").value === "amount") found.sort((a, b) => (a.amount === null) - (b.amount === null) || b.amount - a.amount);
  const open = found.filter((one) => stateNow(one) === "open" && one.amount !== null);
  const stake = open.length ? ", with " + watch.amount_column + " " + money(open.reduce((sum, one) => sum + one.amount, 0)) + " at stake in " + number(open.length) + " open" : "";
  const hasCents = found.some((one) => one.amount !== null && !Number.isInteger(one.amount));
  byId("cases").replaceChildren(...found.slice(0, nShown).map((one) => drawCase(one, hasCents ? 2 : 0)));
  const all = drawPick(found.map((one) => one.key), "Select all " + plural(found.length, "case", "cases") + " of this list");
  byId("all").replaceChildren(...(all && found.length ? [make("label", { class: "switch" }, all, " Select all")] : []));
  byId("undo").hidden = !undoable.length;
  showSelection();
  byId("more").hidden = found.length <= nShown;
  const limit = watch.n_cases > watch.cases.length ? " of the newest " + number(watch.cases.length) : "";
  byId("count").textContent = found.length || words ? plural(found.length, "case", "cases") + limit + stake + "." : NOTHING[choice] ?? "No cases.";
}

// A check has no key that people know, so the sentence of the check is the title.
function drawCase(one, decimals) {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const facts = [one.place === null ? "" : (one.is_check ? "check of columns" : "rank " + number(one.place)) + (one.is_last ? "" : " in an earlier run"),
    one.news && one.is_last ? one.news : ""].filter(Boolean);
  const amount = one.amount === null ? [] : [make("span", { class: "amount" }, watch.amount_column + " " + one.amount.toLocaleString("en", digits))];
  const title = nameOf(one);
  const line = make("li", { "data-key": one.key },
    make("div", { class: "what" }, make("div", { class: "first" }, drawPick([one.key], "Select " + title), " ", make("a", { href: addressOf(name, one.key) }, text("span", title)), " ",
      ...facts.flatMap((fact) => [make("span", { class: ["new", "returned", "risen"].includes(fact) ? "badge" : "hint" }, fact), " "]), ...amount),
      ...(one.is_check ? [] : one.said.map((reason) => text("p", reason)))),
    make("div", { class: "decision" }, drawDecision(one), sayWho(one)));
  return line;
}

const nameOf = (one) => (one.is_check && one.reasons ? one.said.join(" ") : one.key);

function sayWho(one) {
  if (!one.seen) return "";
  return make("p", { class: "hint" }, ...(one.comment ? [text("q", one.comment), " "] : []), text("span", one.author), ", " + when(one.made));
}

function drawDecision(one) {
  const title = nameOf(one);
  const comment = make("input", { type: "text", list: "categories", maxlength: 2000, placeholder: "comment or category", "aria-label": "Comment on " + title,
    class: "needs-decide", value: typed.get(one.key) ?? "" });
  comment.hidden = !typed.has(one.key);
  const write = make("button", { type: "button", class: "small needs-decide write", "aria-label": "Write a comment on " + title, "aria-expanded": String(!comment.hidden) }, "Comment");
  write.addEventListener("click", () => {
    comment.hidden = !comment.hidden && !said();
    write.setAttribute("aria-expanded", String(!comment.hidden));
    if (!comment.hidden) comment.focus();
  });
  const said = () => comment.value.trim();
  comment.addEventListener("input", () => typed.set(one.key, comment.value));
  comment.addEventListener("keydown", (event) => event.key === "Enter" && said() && decideOne(one, stateNow(one), said()));
  const buttons = drawDecisions(stateNow(one), title, (decision) =>
    decideOne(one, stateNow(one) === decision && !said() ? "open" : decision, said() || commentNow(one)));
  return make("div", { class: "marks", role: "group", "aria-label": "Decision on " + title }, ...buttons, write, comment);
}

async function decideOne(one, decision, comment) {
  const next = lineOf(one.key)?.nextElementSibling?.dataset.key;
  if (await decideCases([one], decision, comment)) typed.delete(one.key);
  drawCases();
  const line = lineOf(next) ?? lineOf(one.key) ?? document.querySelector("#cases li:last-child");
  (line?.querySelector("button") ?? byId("cases-title")).focus({ preventScroll: true });
}

Object.assign(saving, {
  path: at + "/decide", seen: ({ key }) => caseOf(key)?.seen,
  now: (one) => ({ key: one.key, run: one.run, decision: stateNow(one), comment: commentNow(one) }),
});

async function decideCases(...asked) {
  const isSaved = await decide(...asked);
  await load().catch(showProblem);
  return isSaved;
}

byId("undo").addEventListener("click", async () => {
  await takeBack();
  await load().catch(showProblem);
  (undoable.length ? byId("undo") : byId("cases-title")).focus();
});
byId("save-categories").addEventListener("click", (event) => attempt(event.target, async () => {
  const categories = byId("category-list").value.split("\n").map((line) => line.trim()).filter(Boolean);
  drawCategories((await call(at + "/categories", { categories })).categories);
  byId("categories-saved").textContent = "Saved.";
}));
drawSelection(async (keys, decision, comment) => {
  const isSaved = await decideCases(keys.map(caseOf), decision, comment);
  if (isSaved) byId("undo").focus();
  return isSaved;
});
byId("which").addEventListener("change", () => { nShown = PAGE_SIZE; drawCases(); });
byId("by").addEventListener("change", drawCases);
byId("search").addEventListener("input", drawCases);
byId("more").addEventListener("click", () => { nShown += PAGE_SIZE; drawCases(); });
load().then(() => {
  if (location.hash !== "#wrong-table" || !watch.last || !may("run")) return;
  history.replaceState(null, "", location.pathname);
  askForRightFile(watch.last);
}).catch(showProblem);
document.addEventListener("visibilitychange", () => document.hidden || document.activeElement?.type === "text" || load().catch(showProblem));
