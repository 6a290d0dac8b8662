// The bar above the app's report: where to go, what was marked, files; and below it what marks did.

function drawFiles() {
  const file = (name, words) => make("li", null, make("a", { href: "/runs/" + host.run + "/files/" + name, download: name },
    name), " ", words);
  const roles = host.task === "rank" ? [file("roles.toml", "what its columns were taken for, for the next table")] : [];
  return make("details", { class: "files" }, make("summary", null, "Files"), make("ul", null,
    file("decisions.csv", "the marks"), file("alerts.csv", "the list"), file("map.som", "the map, to score new rows"),
    ...roles, file("report.html", "this page, to keep or send"), file("report.json", "its data")));
}

function drawNavigation() {
  const button = (id, words, act, className = "") => {
    const made = make("button", { type: "button", id, class: className }, words);
    made.addEventListener("click", () => act(made));
    return made;
  };
  const undoLast = button("undo-mark", "Undo", () => undo());
  const showKeys = button("show-keys", "Keys", () => keys.showModal());
  const own = host.task === "rank" ? [
    button("again", "Rank again with these marks", (made) => goOn(made, true), "primary"),
    button("anew", "Other settings", (made) => goOn(made, false)),
  ] : [];
  const watch = host.watch
    ? make("a", { href: "/watches/" + encodeURIComponent(host.watch) }, text("span", host.watch))
    : make("a", { id: "keep-watch", href: "/runs/" + host.run + "/keep" }, "Keep as a watch");
  document.querySelector(".skip").after(
    make("nav", { class: "bar", "aria-label": "This run" },
      make("a", { href: "/" }, "Home"), watch,
      make("span", { id: "marked", role: "status" }),
      undoLast, showKeys, ...own, drawFiles()),
    make("p", { id: "problem", class: "panel problem", role: "alert", hidden: "" }),
    make("p", { id: "effect", class: "panel", hidden: "" }));
  byId("undo-mark").disabled = true;
  if (byId("again")) byId("again").disabled = true;
  const { effect } = host.facts || {};
  byId("effect").hidden = !effect;
  byId("effect").append(make("b", null, "What the marks did: "), effect || "");
}

function goOn(button, withMarks) {
  attempt(button, async () => {
    const { run } = await call("runs/" + host.run + "/again", { with_marks: withMarks });
    location.href = "/runs/" + run;
  });
}

drawNavigation();
loadMarks().catch(showProblem);
document.addEventListener("visibilitychange", () => document.hidden || loadMarks().catch(showProblem));
