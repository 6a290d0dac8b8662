// Marks and comments of rows in the app's report. Each mark is saved immediately.

const OPEN = { decision: "open", comment: "", seen: 0 };
const marks = new Map();

// Actions run one after the other, so that each sees the result of the action before.
let turn = Promise.resolve();
const inTurn = (what) => (turn = turn.then(() => what()).catch(showProblem));

const numberOf = (row) => data.rows.numbers[row.position];
// A returned case is open until someone decides again, also in later runs. The earlier decision and comment are only shown.
function asItStands(at, mark) {
  const news = newsByRank.get(data.rows.numbers.indexOf(at) + 1)?.news;
  if (!["new", "returned", "risen", "still"].includes(news) || mark.decision !== "cleared") return mark;
  const isOld = mark.run !== data.changed.run && new Date(mark.made) <= new Date(data.changed.made);
  return isOld ? { ...mark, decision: "open", isOld } : mark;
}

const markOf = (row) => marks.get(numberOf(row)) || OPEN;
const commentOf = (mark) => (mark.isOld ? "" : mark.comment);

function drawMarks(row) {
  const at = numberOf(row);
  const buttons = drawDecisions("open", row.id, (decision) => inTurn(() => press(row, decision)));
  const group = make("span", { class: "marks", role: "group", "aria-label": "Decision on " + row.id, "data-row": at, "data-id": row.id },
    ...buttons, text("span", "", "said"));
  showMark(group);
  return group;
}

function showMark(group) {
  const mark = marks.get(Number(group.dataset.row)) || OPEN;
  for (const choice of DECISIONS) {
    showDecision(group.querySelector("." + choice[0]), choice, mark.decision, group.dataset.id);
  }
  group.lastElementChild.textContent = mark.comment;
}

// A second press of a button takes the mark back.
async function press(row, decision) {
  const ranks = shownRanks();
  moveTo(row.rank);
  await decideRows([row], markOf(row).decision === decision ? "open" : decision);
  if (!lineOf(row.rank)) go(1, ranks); // the row is hidden now
}

Object.assign(saving, {
  path: "runs/" + host.run + "/mark",
  now: (row) => ({ row: numberOf(row), decision: markOf(row).decision, comment: commentOf(markOf(row)) }),
  seen: ({ row }) => (marks.get(row) || OPEN).seen,
  saved: (found) => found.forEach((mark) => marks.set(mark.number, asItStands(mark.number, mark))),
  meanwhile: async ({ row }, { author, decision, comment }) => {
    await loadMarks();
    return (author || "Someone else") + " has decided “" + decision + "” for " + rowOf.get(String(row)).id + " in the meantime"
      + (comment ? " (" + comment + ")" : "") + ". Your decision was not saved. Decide again if you disagree.";
  },
});

async function decideRows(...asked) {
  const isSaved = await decide(...asked);
  showMarks();
  return isSaved;
}

async function undo() {
  const last = await takeBack();
  if (!last) return;
  showMarks();
  moveTo(rowOf.get(String(last[0].row)).rank);
}

const count = (decision) => [...marks.values()].filter((mark) => mark.decision === decision).length;

function showMarks() {
  const had = document.activeElement?.closest("[data-row] button");
  drawList();
  if (had && !had.isConnected) { // the new button keeps the focus
    const again = document.querySelector('#rows tr[data-rank] [data-row="' + had.parentElement.dataset.row + '"] [class="' + had.className + '"]');
    if (again) again.focus({ preventScroll: true });
  }
  document.querySelectorAll("[data-row]").forEach(showMark);
  const said = DECISIONS.map(([decision]) => [count(decision), decision])
    .filter(([n, decision]) => n || decision !== "later").map(([n, decision]) => number(n) + " " + decision);
  const n = DECISIONS.reduce((sum, [decision]) => sum + count(decision), 0);
  byId("marked").textContent = n ? said.join(", ") + (host.watch ? " in all runs" : "") : "No row is marked yet";
  if (byId("again")) byId("again").disabled = count("confirmed") + count("cleared") === 0;
  byId("undo-mark").disabled = undoable.length === 0;
}

// Marks may have been made in another tab or by another user.
async function loadMarks() {
  if (document.activeElement?.id?.startsWith("comment-")) return; // do not change a comment while it is being edited
  const found = await call("runs/" + host.run + "/marks");
  marks.clear();
  for (const [at, mark] of Object.entries(found)) marks.set(Number(at), asItStands(Number(at), mark));
  showMarks();
}

// The field for a comment in the case, with the author of the current decision.
function drawDecision(row) {
  const mark = markOf(row);
  const id = "comment-" + numberOf(row);
  const field = make("input", { type: "text", id, list: "categories", maxlength: 2000, autocomplete: "off", value: commentOf(mark), disabled: may("decide") ? null : "" });
  const keep = () => {
    const comment = field.value.trim();
    inTurn(() => comment !== commentOf(markOf(row)) && decideRows([row], undefined, comment));
  };
  field.addEventListener("change", keep);
  const before = mark.isOld ? ["Cleared earlier", ...(mark.comment ? [" (", text("q", mark.comment), ")"] : []), " by "] : [];
  const who = mark.author && (mark.isOld || mark.decision !== "open")
    ? make("p", { class: "hint" }, ...before, text("span", mark.author), ", " + when(mark.made)) : "";
  const key = data.rows.keys?.[row.position];
  const page = key === undefined || !host.watch ? "" : make("p", null, make("a", { href: addressOf(host.watch, key) }, "Page of this case"),
    " with its history, to print");
  return block("Your decision", make("p", { class: "comment-line" }, make("label", { for: id }, "Comment"), field), who, page);
}

function commentOn(row) {
  moveTo(row.rank);
  if (state.row !== row.rank) openCase(row.rank);
  byId("comment-" + numberOf(row)).focus();
}

// Buttons for all open rows of a finding. A decided case keeps its decision.
const isUndecided = (row) => markOf(row).decision === "open";
const keyOf = (row) => String(numberOf(row));

function drawFindingMarks(finding) {
  if (!may("decide")) return "";
  const name = plural(finding.rows.length, "row", "rows");
  const buttons = DECISIONS.map(([decision, words, , meaning]) => {
    const button = make("button", { type: "button", class: "small", title: "Each of them " + meaning }, words + " all");
    button.setAttribute("aria-label", words + " all " + name);
    button.addEventListener("click", () => {
      const rows = finding.rows.filter(isUndecided);
      if (rows.length && isSure(words, rows.length)) inTurn(() => decideRows(rows, decision));
    });
    return button;
  });
  return make("span", { class: "marks", role: "group", "aria-label": "Decision on " + name }, ...buttons);
}

function drawPicks(rows) {
  if (rows.length === 1) return drawPick([keyOf(rows[0])], "Select " + rows[0].id);
  const open = rows.filter(isUndecided);
  return drawPick((open.length ? open : rows).map(keyOf), "Select this finding, " + plural(open.length || rows.length, "row", "rows"));
}

drawCategories(host.categories);
const rowOf = new Map(rows.map((row) => [keyOf(row), row]));
const decideSelected = drawSelection(async (keys, decision, comment) => {
  const isSaved = await decideRows(keys.map((key) => rowOf.get(key)), decision, comment);
  if (isSaved) byId("undo-mark").focus();
  return isSaved;
}, inTurn);
const all = make("span");
byId("count").before(all, " ");
additions.drawn.push(() => {
  const found = chosenRows().map(keyOf);
  const box = drawPick(found, "Select all " + plural(found.length, "row", "rows") + " of this list");
  all.replaceChildren(...(box && found.length ? [make("label", { class: "switch" }, box, " Select all")] : []));
  showSelection();
});
additions.pick.push(drawPicks);
additions.isOpen = isUndecided;
additions.line.push(drawMarks);
additions.finding.push(drawFindingMarks);
additions.case.push(drawDecision);
