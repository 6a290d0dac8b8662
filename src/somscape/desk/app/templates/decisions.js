// Decisions on a case, with a button for each. A second press takes the decision back.

const DECISIONS = [
  ["confirmed", "Confirm", "Confirmed", "is an anomaly that I look for"],
  ["cleared", "Clear", "Cleared", "is fine"],
  ["later", "Later", "Later", "will be reviewed another time"],
];

// A waiting case is open, even if it has returned. Then the earlier decision and comment no longer count.
const stateNow = (one) => (one.waits ? "open" : one.state);
const commentNow = (one) => (one.state === stateNow(one) ? one.comment : "");

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
