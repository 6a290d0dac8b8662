// In the app's report, rows are marked as confirmed or cleared; each mark is saved as it is made.

const DECISIONS = [
  ["confirmed", "Confirm", "is what I look for"],
  ["cleared", "Clear", "is fine"],
];
const marks = new Map();

function drawMarks(row) {
  const at = data.rows.numbers[row.position];
  const buttons = DECISIONS.map(([decision, words, meaning]) => {
    const button = make("button", {
      type: "button", class: "small " + decision, "data-decision": decision, "aria-pressed": String(marks.get(at) === decision),
      "aria-label": words + " " + row.id, title: "This row " + meaning,
    }, words);
    button.addEventListener("click", () => mark(at, marks.get(at) === decision ? null : decision));
    return button;
  });
  return make("span", { class: "marks", role: "group", "aria-label": "Decision on " + row.id, "data-row": at }, ...buttons);
}

async function mark(at, decision) {
  showProblem(null);
  try {
    await call("runs/" + host.run + "/mark", { row: at, decision });
    if (decision) marks.set(at, decision);
    else marks.delete(at);
  } catch (error) {
    showProblem(error);
  }
  showMarks();
}

function showMarks() {
  for (const group of document.querySelectorAll("[data-row]")) {
    for (const button of group.children) {
      button.setAttribute("aria-pressed", String(marks.get(Number(group.dataset.row)) === button.dataset.decision));
    }
  }
  const count = (decision) => [...marks.values()].filter((other) => other === decision).length;
  byId("marked").textContent = marks.size
    ? number(count("confirmed")) + " confirmed, " + number(count("cleared")) + " cleared" : "No row is marked yet";
  byId("again").disabled = marks.size === 0;
}

// Marks may have been made in another tab.
async function loadMarks() {
  const found = await call("runs/" + host.run + "/marks");
  marks.clear();
  for (const [at, decision] of Object.entries(found)) marks.set(Number(at), decision);
  showMarks();
}

// Which rows are listed, by what was decided.  A row that is marked stays where it is until then.
function drawFilter() {
  const choices = [["", "Any"], ["open", "Not yet"], ["confirmed", "Confirmed"], ["cleared", "Cleared"]];
  const select = make("select", { id: "decided" }, ...choices.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", showList);
  byId("region-filter").after(make("span", { class: "labelled" }, make("label", { for: "decided" }, "Decided"), select));
  additions.keep.push((row) => !select.value || select.value === (marks.get(data.rows.numbers[row.position]) || "open"));
}

function drawNavigation() {
  const file = (name, words) => make("li", null, make("a", { href: "/runs/" + host.run + "/files/" + name, download: name },
    name), " ", words);
  const again = make("button", { type: "button", id: "again", class: "primary", disabled: "" }, "Rank again with these marks");
  again.addEventListener("click", () => goOn(again, true));
  const anew = make("button", { type: "button", id: "anew" }, "Other settings");
  anew.addEventListener("click", () => goOn(anew, false));
  const files = make("details", { class: "files" }, make("summary", null, "Files"), make("ul", null,
    file("decisions.csv", "the marks"), file("alerts.csv", "the list"), file("map.som", "the map, to score new rows"),
    file("roles.toml", "what its columns were taken for, for the next table"),
    file("report.html", "this page, to keep or send"), file("report.json", "its data")));
  document.querySelector(".skip").after(
    make("nav", { class: "bar", "aria-label": "This run" },
      make("a", { href: "/" }, "All runs"),
      make("span", { id: "marked", role: "status" }),
      again, anew, files),
    make("p", { id: "problem", class: "panel problem", role: "alert", hidden: "" }));
}

function goOn(button, withMarks) {
  attempt(button, async () => {
    const { run } = await call("runs/" + host.run + "/again", { with_marks: withMarks });
    location.href = "/runs/" + run;
  });
}

additions.line.push(drawMarks);
additions.case.push((row) => block("Your decision", make("p", { class: "decide" }, drawMarks(row),
  make("span", { class: "hint" }, "Confirm what you were looking for, clear what is fine; press again to take it back."))));
drawFilter();
drawNavigation();
loadMarks().catch(showProblem);
document.addEventListener("visibilitychange", () => document.hidden || loadMarks().catch(showProblem));
