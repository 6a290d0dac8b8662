// Keys that mark a row and go to the next row, and a list of all keys. Keys can be turned off.

const KEYS = [
  ["j", "n", "next row"], ["k", "p", "previous row"], ["c", "", "confirm, then next row"], ["x", "", "clear, then next row"],
  ["l", "", "later, then next row"], ["m", "", "comment"], ["s", "", "select the row, or not"], ["o", "", "open or close the case"], ["u", "", "undo the last mark"], ["?", "", "show these keys"],
];
const KEPT = "somscape-keys";
let current = null; // rank of the row to which keys apply
let hasKeys = true;
try {
  hasKeys = localStorage.getItem(KEPT) !== "off";
} catch { /* without storage, keys are on */ }

const shownRanks = () => [...document.querySelectorAll("#rows tr[data-rank]")].map((line) => Number(line.dataset.rank));

function moveTo(rank) {
  current = rank;
  showCurrent();
}

function showCurrent() {
  for (const line of document.querySelectorAll("#rows tr[data-rank]")) {
    line.classList.toggle("current", Number(line.dataset.rank) === current);
  }
}

function lineOf(rank) {
  return document.querySelector('#rows tr[data-rank="' + rank + '"]');
}

// Move along the rows as they were shown before a row was hidden.
function go(step, ranks = shownRanks()) {
  if (!ranks.length) return;
  const at = ranks.indexOf(current);
  let to = at < 0 ? (step > 0 ? 0 : ranks.length - 1) : Math.min(ranks.length - 1, Math.max(0, at + step));
  while (to > 0 && !lineOf(ranks[to])) to -= 1;
  moveTo(ranks[to]);
  if (state.row !== null && state.row !== current) openCase(current);
  const line = lineOf(current);
  if (!line) return;
  line.scrollIntoView({ block: "nearest" });
  line.querySelector(".open button").focus({ preventScroll: true });
}

async function markAndGo(decision) {
  if (selection.size) return decideSelected(DECISIONS.find(([each]) => each === decision)[1], decision);
  const row = byRank.get(current);
  if (!row || !lineOf(current)) return go(1);
  const ranks = shownRanks();
  await decideRows([row], decision);
  if (markOf(row).decision === decision) go(1, ranks);
}

function openCurrent() {
  if (byRank.has(current)) openCase(state.row === current ? null : current);
}

const ACTIONS = {
  j: () => go(1), n: () => go(1), k: () => go(-1), p: () => go(-1),
  c: () => markAndGo("confirmed"), x: () => markAndGo("cleared"), l: () => markAndGo("later"),
  s: () => byRank.has(current) && pick([keyOf(byRank.get(current))], !selection.has(keyOf(byRank.get(current)))),
  m: () => byRank.has(current) && commentOn(byRank.get(current)), o: openCurrent, u: undo,
};

function listenToKeys(dialog) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea, [contenteditable], #map, #map-2")) return;
    if (event.key === "?") {
      event.preventDefault();
      dialog.showModal();
    } else if (hasKeys && Object.hasOwn(ACTIONS, event.key)) {
      event.preventDefault();
      inTurn(ACTIONS[event.key]);
    }
  });
}

function drawDialog() {
  const lines = KEYS.map(([key, other, does]) => make("div", null,
    make("dt", null, make("kbd", null, key), ...(other ? [" or ", make("kbd", null, other)] : [])), make("dd", null, does)));
  const box = make("input", { type: "checkbox", id: "has-keys" });
  box.checked = hasKeys;
  box.addEventListener("change", () => {
    hasKeys = box.checked;
    try {
      localStorage.setItem(KEPT, hasKeys ? "on" : "off");
    } catch { /* the setting lasts until the page is closed */ }
  });
  const close = make("button", { type: "button" }, "Close");
  const dialog = make("dialog", { id: "keys", "aria-labelledby": "keys-title" }, make("h2", { id: "keys-title" }, "Keys"),
    make("dl", null, ...lines), make("p", null, make("label", { class: "switch" }, box, " Keys are on")), close);
  close.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  listenToKeys(dialog);
  return dialog;
}

const keys = drawDialog();
additions.drawn.push(showCurrent);
