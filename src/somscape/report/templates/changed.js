// Changes in a run of a watch: new, returned, risen, folded and gone cases, and drift.

const NEWS = {
  new: "not in the list of the previous run",
  returned: "cleared earlier, and listed again",
  risen: "listed before, and now more unusual, by more than rows usually change between two runs",
  still: "listed before, and about as unusual as before",
};
const ON_CHIPS = { confirmed: "still listed, confirmed" }; // other counts have their own name
const KEYS_SHOWN = 50, COLUMNS_SHOWN = 20;

const newsByRank = new Map((data.changed?.cases || [])
  .filter((found) => found.news !== "folded" && found.news !== "filled").map((found) => [found.place, found]));

// The tag next to the id of a row in the list.
function newsTag(row) {
  const found = data.changed?.compared_with ? newsByRank.get(row.rank) : undefined;
  if (!found) return [];
  const state = found.state === "open" ? "" : ", " + found.state;
  return [make("span", { class: found.news === "still" ? "tag news" : "tag news fresh" }, found.news + state)];
}

// The earlier decision on a row, its comment, and the change since then. The app shows comments with its buttons.
function drawEarlier(row) {
  const found = data.changed?.compared_with ? newsByRank.get(row.rank) : undefined;
  const words = [found?.why && inSentence(found.why), found?.comment && !additions.line.length && "Comment: " + found.comment].filter(Boolean);
  return words.map((each) => text("span", each, "earlier"));
}

// A count is a button that lists only its rows.
function drawCount([what, n]) {
  const words = [make("b", null, number(n)), " " + (ON_CHIPS[what] ?? what)];
  if (!data.changed.compared_with || !Object.hasOwn(NEWS, what)) return make("li", null, ...words);
  const button = make("button", { type: "button", class: "small" + (what === "still" ? "" : " fresh"), "aria-pressed": "false", title: NEWS[what] }, ...words);
  button.addEventListener("click", () => {
    state.news = state.news === what ? null : what;
    for (const each of document.querySelectorAll("#changed-counts button")) each.setAttribute("aria-pressed", String(each === button && state.news !== null));
    showList();
  });
  return make("li", null, button);
}

// A run has the name of its table, unless the table came without one.
function nameRun(word, n, made, table) {
  const run = number(n) + " of " + made.slice(0, 10);
  return table ? table + " (run " + run + ")" : word + " " + run;
}

function fillChanged() {
  const changed = data.changed;
  for (const place of document.querySelectorAll(".of-watch")) place.hidden = !changed;
  if (!changed) return;
  const when = changed.compared_with === null ? "This is the first run. The next run will be compared with this run."
    : "Compared with " + nameRun("run", changed.compared_with, changed.compared_with_made, changed.compared_with_table) + ".";
  const replaced = changed.instead_of;
  const place = replaced.length ? " It replaces run" + (replaced.length > 1 ? "s " : " ") + asSeries(replaced) + "." : "";
  byId("changed-lead").append("Run " + changed.number + " of ", text("b", changed.watch), text("span", ". " + when + place), ...(changed.question ? [" ", text("strong", changed.question)] : []));
  const checks = (changed.checks ?? []).filter(({ news }) => ["new", "returned", "risen"].includes(news)); // as above
  const counts = { ...changed.counts, "new or changed checks": checks.length };
  byId("changed-counts").append(...Object.entries(counts).filter(([, n]) => n).map(drawCount));
  fillDrift(changed);
  byId("changed-anew").hidden = !changed.train_anew;
  byId("changed-anew-why").append(changed.train_anew || "");
  byId("changed-command").append(changed.command_anew || "");
  byId("changed-head").append(changed.audit_head);
  if (changed.trained_on !== undefined) byId("trained-on").append(" Counts and usual ranges refer to ", text("span", changed.trained_on ? "the training table " + changed.trained_on : "the training table"), ".");
  if (changed.compared_with === null) return;
  const columns = changed.unseen.length - COLUMNS_SHOWN;
  byId("changed-lists").append(
    ...drawEarlierRuns(changed.precision),
    ...changed.unseen.slice(0, COLUMNS_SHOWN).map((found) => drawKeys(found.what, found.keys, found.n)),
    columns > 0 ? make("p", { class: "hint" }, "Number of further columns with values that the training table does not have: " + number(columns)) : "",
    ...drawFolded(changed.cases.filter((found) => found.news === "folded")),
    ...drawGone(changed.gone));
}

// Drift is the headline, with emphasis on the most changed column. Without drift, there is one short line.
function fillDrift({ drift, if_wrong: ifWrong }) {
  const { sentence = "", n_months: n } = drift;
  byId("drift").hidden = !drift.is_found;
  byId("changed-drift").hidden = drift.is_found || !sentence;
  if (!drift.is_found) {
    byId("changed-drift").append(n && !drift.is_known && sentence.startsWith("No drift:") ? "No drift, compared with " + plural(n, "earlier table", "earlier tables") + "." : sentence);
    byId("changed-drift").title = sentence;
    return;
  }
  const [first] = inSentence(sentence).split(/; |, (?:most|for example) in /);
  const rest = inSentence(sentence).slice(first.length).replace(/^[;,] /, "").replace(/^(most|for) /, (word) => word[0].toUpperCase() + word.slice(1));
  const watch = document.querySelector('.bar a[href^="/watches/"]'); // the app's bar
  byId("drift").append(text("strong", first), text("span", rest), " ",
    ...(watch ? ["If the table is wrong, click ", make("a", { href: watch.href, class: "together" }, "Wrong table?"), " on the page of the watch."] : [text("span", ifWrong ?? "")]));
  // The sentence then has the number of unusual rows.
  document.querySelector(".lead.of-detector").hidden = (drift.columns ?? []).includes("");
}

function drawKeys(title, keys, n) {
  const more = n - keys.length;
  return make("details", null, make("summary", null, text("span", title), " (" + number(n) + ")"),
    make("p", null, text("span", keys.join(", ")), more > 0 ? " and " + number(more) + " more" : ""));
}

// The numbers of confirmed and cleared rows of the earlier runs, when this run was made.
function drawEarlierRuns(found) {
  if (!found.length) return [];
  const say = (run) => nameRun("Run", run.number, run.made, run.table) + ": " + sayPrecision(run);
  if (found.length === 1) return [make("p", { id: "changed-precision" }, text("span", say(found[0])))];
  return [make("details", { id: "changed-precision" }, make("summary", null, text("span", say(found[0]))),
    make("ul", { class: "changes" }, ...found.slice(1).map((run) => text("li", say(run)))))];
}

function drawFolded(found) {
  if (!found.length) return [];
  return [make("details", null,
    make("summary", null, "Folded (" + number(found.length) + "), cleared and hardly changed since"),
    make("ul", { class: "changes" }, ...found.slice(0, KEYS_SHOWN).map((each) => make("li", null,
      text("b", each.key), " ", text("span", [each.comment, each.reasons && inSentence(each.reasons)].filter(Boolean).join(". ")))))),
  ];
}

function drawGone(found) {
  const kinds = [...new Set(found.map((each) => each.why))];
  return kinds.map((why) => {
    const own = found.filter((each) => each.why === why);
    return drawKeys("Gone, " + why, own.slice(0, KEYS_SHOWN).map((each) => each.key), own.length);
  });
}
