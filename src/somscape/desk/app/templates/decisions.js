// Decisions on a case, with a button for each. A second press takes the decision back.

const DECISIONS = [
  ["confirmed", "Confirm", "Confirmed", "is an anomaly that I look for"],
  ["cleared", "Clear", "Cleared", "is fine"],
  ["later", "Later", "Later", "will be reviewed another time"],
];

// A waiting case is open, even if it has returned. Then the earlier decision and comment no longer count.
const stateNow = (one) => (one.waits ? "open" : one.state);
const commentNow = (one) => (one.state === stateNow(one) ? one.comment : "");

// A field for a comment offers the categories for clearing. They are in one list of the page.
function drawCategories(categories) {
  byId("categories")?.remove();
  document.body.append(make("datalist", { id: "categories" }, ...categories.map((value) => make("option", { value }))));
}

// The pressed button shows the state of the case. A user who may not decide sees only this button.
function showDecision(button, [decision, words, done], state, key) {
  const isPressed = state === decision;
  button.textContent = isPressed ? done : words;
  button.setAttribute("aria-pressed", String(isPressed));
  button.setAttribute("aria-label", button.textContent + " " + key);
  button.disabled = !may("decide");
  button.hidden = button.disabled && !isPressed;
}

function drawDecisions(state, key, press) {
  return DECISIONS.map((choice) => {
    const [decision, , , meaning] = choice;
    const button = make("button", { type: "button", class: "small " + decision, "data-decision": decision, title: "It " + meaning });
    button.addEventListener("click", () => press(decision));
    showDecision(button, choice, state, key);
    return button;
  });
}

// Save decisions. A page sets the `path` of the call, `now` (the decision on a row or case, as it is sent), `seen` (the
// number of the last decision that the page shows), `saved`, and `meanwhile` (a message if someone else was faster).
const saving = { saved: () => {}, meanwhile: () => null };
const undoable = []; // earlier decisions on what was decided here, the last ones at the end

// Save decisions together, and return whether that succeeded. A decision that is sent twice with its token is saved once.
async function save(asked) {
  showProblem(null);
  try {
    saving.saved(await call(saving.path, { several: asked.map((one) => ({ ...one, seen: saving.seen(one), token: newToken() })) }));
    return true;
  } catch (error) {
    const last = error.said?.last;
    const message = last && await saving.meanwhile(asked[0], last);
    showProblem(last && asked.length > 1 ? { message: error.message + " None of these " + number(asked.length) + " decisions was saved." }
      : message ? { message } : error);
    return false;
  }
}

// One decision on several rows or cases, which is saved and undone as a whole. Without a decision or comment, each keeps its own.
async function decide(given, decision, comment) {
  if (!may("decide")) return false;
  const before = given.map(saving.now);
  const isSaved = await save(before.map((was) => ({ ...was, decision: decision ?? was.decision, comment: comment ?? was.comment })));
  if (isSaved) undoable.push(before);
  return isSaved;
}

// Undo the last decision, and return the decisions before it.
async function takeBack() {
  const last = undoable.pop();
  if (last && !(await save(last))) undoable.push(last);
  return last;
}

// Several rows or cases that one decision covers. A bar shows their number, the buttons and a field for a comment.

const MAX_UNASKED = 20; // rows that one press may decide without a question
const selection = new Set();

// The box for one key, or for the keys of a whole finding.
function drawPick(keys, words) {
  if (!may("decide")) return "";
  const box = make("input", { type: "checkbox", class: "pick", "aria-label": words, title: words });
  box.keys = keys;
  box.addEventListener("change", () => pick(keys, box.checked));
  showPick(box);
  return box;
}

function showPick(box) {
  const n = box.keys.filter((key) => selection.has(key)).length;
  box.checked = n > 0 && n === box.keys.length;
  box.indeterminate = n > 0 && n < box.keys.length;
  box.disabled = box.keys.length === 0;
}

function pick(keys, isPicked) {
  for (const key of keys) selection[isPicked ? "add" : "delete"](key);
  showSelection();
}

function showSelection() {
  const boxes = [...document.querySelectorAll(".pick")];
  boxes.forEach(showPick);
  const shown = new Set(boxes.flatMap((box) => box.keys));
  const nHidden = [...selection].filter((key) => !shown.has(key)).length;
  byId("selection").hidden = selection.size === 0;
  byId("selected").textContent = selection.size ? number(selection.size) + " selected" + (nHidden ? ", " + number(nHidden) + " not shown" : "") : "";
}

const isSure = (words, n) => n <= MAX_UNASKED || confirm(words + " all " + number(n) + "?");

// `decideAll` gets the keys, the decision and the comment, and returns whether they were saved. What is not given is unchanged.
function drawSelection(decideAll, inTurn = (what) => what()) {
  const comment = make("input", { type: "text", list: "categories", maxlength: 2000, placeholder: "comment or category", "aria-label": "Comment on all that are selected" });
  const act = async (words, decision) => {
    if (!isSure(words, selection.size)) return;
    if (!(await decideAll([...selection], decision, comment.value.trim() || undefined))) return;
    selection.clear();
    comment.value = "";
    showSelection();
  };
  const buttons = DECISIONS.map(([decision, words, , meaning]) => {
    const button = make("button", { type: "button", class: decision, title: "Each of them " + meaning, "aria-label": words + " all that are selected" }, words);
    button.addEventListener("click", () => inTurn(() => act(words, decision)));
    return button;
  });
  comment.addEventListener("keydown", (event) => event.key === "Enter" && comment.value.trim() && inTurn(() => act("Comment on")));
  const none = make("button", { type: "button" }, "Select none");
  none.addEventListener("click", () => {
    selection.clear();
    showSelection();
  });
  document.body.append(make("section", { id: "selection", "aria-label": "Decision on all that are selected", hidden: "" },
    make("b", { id: "selected", role: "status" }), none, ...buttons, comment));
  return act;
}
