// A classifier: how often it is right, which classes it takes for others, what it says of a row and why.

const named = data.classes;
const nMistakes = named ? named.n_wrong : 0;

// What a row is named, whether that is wrong, and why it is named so; null without a classifier.
function classOf(row) {
  if (!named) return null;
  const { named: places, true: known, probabilities, why } = named.rows;
  const [place, is] = [places[row.position], known[row.position]];
  const name = place === null ? null : named.names[place];
  return { name, is, probability: probabilities[row.position], why: why[row.position], isWrong: name !== null && is !== null && is !== name };
}

function fillClasses() {
  for (const place of document.querySelectorAll(".of-classes")) place.hidden = !named;
  byId("dots-switch").hidden = !data.score && !nMistakes;
  if (!named) return;
  document.querySelector(".of-target").hidden = !named.target;
  fill({
    target: named.target ?? "",
    n_classes: plural(named.names.length, "class", "classes"),
    dots_name: "Rows named wrongly",
  });
  byId("classes-quality").append(...sayQuality().map((words) => text("p", words)));
  if (named.confusion) byId("confusion").append(drawConfusion(named.confusion));
}

function sayQuality() {
  const words = [named.accuracy === null
    ? "No row could be left out of training, so that nothing says how good it is on new rows."
    : percent(named.accuracy) + " of the rows that were left out of training were named rightly" + sayAlone() + ": expect that of new rows."];
  for (const leak of named.leaks) words.push("Warning: " + leak);
  if (named.n_refused) words.push(plural(named.n_refused, "row gets", "rows get") + " no name: too far from the map.");
  if (!named.n_known) return [...words, "The true classes of these rows are not known, so that nothing is said of mistakes."];
  return [...words, "Of " + plural(named.n_known, "row", "rows") + " of this table whose class is known, "
    + number(named.n_right) + " (" + percent(named.n_right / named.n_known) + ") are named rightly"
    + ". Rows that trained the classifier are named rightly more often than new ones."];
}

function sayAlone() {
  return named.most_frequent === null ? "" : " (naming all of them by the most frequent class: " + percent(named.most_frequent) + ")";
}

// True classes by rows of the table, named ones by columns; the darker, the larger the share of its line,
// with the columns that are left out.
function drawConfusion({ names, counts, sizes, n_left_out: nLeftOut }) {
  const head = make("tr", null, make("th", { scope: "col" }, "True \\ named"),
    ...names.map((name) => make("th", { scope: "col", class: "number" }, text("span", name))));
  const lines = counts.map((line, i) => {
    return make("tr", null, rowHead(names[i]), ...line.map((count, j) => {
      const cell = make("td", { class: "number " + (i === j ? "right" : "wrong") }, count ? number(count) : "");
      cell.style.setProperty("--part", sizes[i] ? Math.round(100 * count / sizes[i]) + "%" : "0%");
      return cell;
    }));
  });
  const title = "What rows are, and what they are named";
  const left = nLeftOut ? [text("p", "The table has the " + number(names.length) + " classes with the most rows; "
    + plural(nLeftOut, "other is", "others are") + " left out.", "hint")] : [];
  return tableBlock(title, "confusion", head, lines, ...left);
}

function drawNamed({ name, is, why, isWrong }) {
  const words = name === null ? "Gets no name, as it lies too far from the map. The nearest would be " + why : why;
  return make("div", { class: "named" }, text("span", words),
    ...(isWrong ? [" ", make("strong", { class: "mistake" }, "It is ", text("span", is), ".")] : []));
}
