// What can be decided of a case, and a button for each: pressed again, it takes the decision back.

const DECISIONS = [
  ["confirmed", "Confirm", "Confirmed", "is what I look for"],
  ["cleared", "Clear", "Cleared", "is fine"],
  ["later", "Later", "Later", "is to be looked at another time"],
];

// What waits is open, also where it returned: neither decision nor comment on what it was stands.
const stateNow = (one) => (one.waits ? "open" : one.state);
const commentNow = (one) => (one.state === stateNow(one) ? one.comment : "");

// A button that is pressed says what the case is. Who may not decide sees only that one.
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
