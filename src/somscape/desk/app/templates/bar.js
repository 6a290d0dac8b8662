// The bar above the app's report with links, numbers of marks and files, and the effect of the marks below.

function drawFiles() {
  const file = (name, words) => make("li", null, make("a", { href: "/runs/" + host.run + "/files/" + name, download: name },
    name), " ", words);
  const roles = host.has_roles ? [file("roles.toml", "the kinds of columns, for later tables")] : [];
  return make("details", { class: "files" }, make("summary", null, "Files"), make("ul", null,
    file("decisions.csv", "the marks"), file("alerts.csv", "the list"),
    ...(host.has_workbook ? [file("alerts.xlsx", "the list for Excel, with the checks")] : []), file("map.som", "the map, to score new rows"),
    ...roles, file("report.html", "this page, to save or send"), file("report.json", "the data of this page")));
}

function drawNavigation() {
  const button = (id, words, act, className = "") => {
    const made = make("button", { type: "button", id, class: className }, words);
    made.addEventListener("click", () => act(made));
    return made;
  };
  const undoLast = button("undo-mark", "Undo", () => inTurn(undo), "needs-decide");
  const showKeys = button("show-keys", "Keys", () => keys.showModal());
  const own = host.task === "rank" ? [
    button("again", "Rank again with these marks", (made) => goOn(made, true), "primary needs-run"),
    button("anew", "Other settings", (made) => goOn(made, false), "needs-run"),
  ] : [];
  const watch = host.watch
    ? make("a", { href: "/watches/" + encodeURIComponent(host.watch) }, text("span", host.watch))
    : button("keep-watch", "Keep as a watch", () => askForWatch(), "needs-run");
  const account = host.user === "" ? "" : make("p", { class: "account" }, text("bdi", host.user), "(" + host.role + ")",
    make("a", { href: "/logout" }, "Log out"));
  document.querySelector(".skip").after(account,
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
  byId("effect").append(make("b", null, "Effect of the marks: "), effect || "");
}

// A watch needs a name, and one or more columns that identify its cases.
async function askForWatch() {
  const run = await call("runs/" + host.run).catch(showProblem);
  if (!run) return;
  const { columns, n_rows: nRows } = run.table;
  const per = run.settings.per ?? [];
  const isUnique = (column) => column.n_missing === 0 && column.n_distinct === nRows;
  const numbered = columns.map((column, i) => [column, i]);
  const unique = numbered.filter(([column]) => isUnique(column));
  const others = numbered.filter(([column]) => !isUnique(column) && column.n_missing === 0 && column.n_distinct > 1);
  const option = ([column, i]) => make("option", { value: i }, column.name);
  const name = make("input", { type: "text", id: "watch-name", maxlength: 100, required: "", autocomplete: "off",
    value: run.name.replace(/\.[a-z.]+$/i, "").replaceAll("/", " ") });
  const key = make("select", { id: "watch-key", multiple: "", size: Math.min(6, Math.max(2, unique.length + others.length)) },
    ...(unique.length ? [make("optgroup", { label: "different in each row" }, ...unique.map(option))] : []),
    ...(others.length ? [make("optgroup", { label: "only with other columns" }, ...others.map(option))] : []));
  const id = per.length ? null : run.settings.id ?? (unique[0] || [])[1];
  for (const each of key.options) each.selected = Number(each.value) === id;
  const keyed = per.length ? text("p", "Each case is a customer, who is identified by " + per.map((i) => columns[i].name).join(", ") + ".")
    : make("p", null, make("label", { for: key.id }, "Columns that identify a case"), key,
      make("span", { class: "hint" }, unique.length ? (matchMedia("(pointer: fine)").matches ? "Hold Ctrl to choose several columns." : "You can choose several columns.")
        : "No column of this table has a different value in each row. Choose several columns that together identify a row, or rank customers."));
  const said = make("p", { class: "panel problem", role: "alert", hidden: "" });
  const dialog = make("dialog", { id: "watch-dialog", "aria-labelledby": "watch-title" }, make("form", { method: "dialog" },
    make("h2", { id: "watch-title" }, "Keep as a watch"),
    make("p", { class: "hint" }, "Later files are ranked with this map and this rule for the length of the list. The page of the watch shows new cases and keeps your decisions."),
    make("p", null, make("label", { for: name.id }, "Name"), name), keyed, said,
    make("p", { class: "controls" }, make("button", { class: "primary", value: "keep" }, "Keep"),
      make("button", { value: "no", formnovalidate: "" }, "Cancel"))));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    if (event.submitter.value !== "keep") return;
    event.preventDefault();
    event.submitter.disabled = true;
    try {
      const chosen = [...key.selectedOptions].map((each) => Number(each.value));
      const { watch } = await call("runs/" + host.run + "/watch", { name: name.value.trim(), key: per.length ? per : chosen });
      location.href = "/watches/" + encodeURIComponent(watch);
    } catch (error) {
      said.textContent = error.message;
      said.hidden = false;
      event.submitter.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

function goOn(button, withMarks) {
  attempt(button, async () => {
    const { run } = await call("runs/" + host.run + "/again", { with_marks: withMarks });
    location.href = "/runs/" + run;
  });
}

// The page contains the most unusual rows. The server searches the ids of all rows.
function listenToSearch() {
  const shown = make("section", { id: "elsewhere", "aria-live": "polite", hidden: "" });
  byId("more").after(shown);
  let asked = "";
  const search = async () => {
    asked = byId("search").value.trim();
    const words = asked;
    const found = words ? await call("runs/" + host.run + "/find?id=" + encodeURIComponent(words)) : { n: 0, rows: [] };
    if (words !== asked) return; // the reader has typed more
    const others = found.rows.filter(([place]) => place >= listed.length);
    shown.hidden = others.length === 0;
    shown.replaceChildren(make("h3", null, "Less unusual rows with this id"), make("p", { class: "hint" }, "All " + number(data.n_rows) + " rows were searched by id: "
      + plural(found.n, "row", "rows") + " found" + (found.n > found.rows.length ? " (the first " + number(found.rows.length) + " are shown)" : "") + "."),
    make("table", null, make("thead", null, make("tr", null, ...["Rank", data.id_name, "Score", "p-value", "Unit"].map((name, i) => make("th", { scope: "col", class: i === 1 || i === 4 ? null : "number" }, name)))),
      make("tbody", null, ...others.map(([place, id, score, p, unit]) => {
        const where = make("button", { type: "button", class: "small", "aria-label": cellTag(unit) + ", show this unit on the map" }, cellTag(unit));
        where.addEventListener("click", () => {
          byId("map-section").scrollIntoView({ block: "nearest" });
          hint(unit);
        });
        return make("tr", null, make("td", { class: "number" }, number(place + 1)), text("td", id), make("td", { class: "number" }, aligned(score)),
          make("td", { class: "number" }, aligned(p)), make("td", null, where));
      }))));
  };
  let waits = null;
  byId("search").addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(() => search().catch(showProblem), 200);
  });
}

if (host.has_ranking && listed.length < data.n_rows) {
  additions.find = true;
  listenToSearch();
}
const checksHint = document.querySelector("#checks-box .hint");
if (!host.watch && may("run")) checksHint.append(" To decide on a check, keep this run as a watch. A check is then a case of the watch.");
drawNavigation();
loadMarks().catch(showProblem);
document.addEventListener("visibilitychange", () => document.hidden || loadMarks().catch(showProblem));
