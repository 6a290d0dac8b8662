// The classes of a classifier: accuracy, confusion, and the class of a row with its reasons.

const named = data.classes;
const nMistakes = named ? named.n_wrong : 0;

// The predicted class of a row, whether the prediction is wrong, and its reasons, or null without a classifier.
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
    dots_name: "Misclassified rows",
  });
  byId("classes-quality").append(...sayQuality().map((words) => text("p", words)));
  if (named.confusion) byId("confusion").append(drawConfusion(named.confusion));
}

function sayQuality() {
  const words = [named.accuracy === null
    ? "No row was left out of training, so the accuracy for new rows is not known."
    : percent(named.accuracy) + " of the rows that were left out of training were classified correctly" + compareAccuracy() + ". Expect a similar share for new rows."];
  for (const leak of named.leaks) words.push("Warning: " + leak);
  if (named.n_refused) words.push(plural(named.n_refused, "row does", "rows do") + " not get a class, because the distance to the map is too large.");
  if (!named.n_known) return [...words, "The true classes of these rows are not known, so mistakes cannot be counted."];
  return [...words, "The class of " + plural(named.n_known, "row", "rows") + " of this table is known. The classifier is correct for "
    + number(named.n_right) + " of them (" + percent(named.n_right / named.n_known) + "). "
    + "It is correct more often for rows that were used in training than for new rows."];
}

function compareAccuracy() {
  return named.most_frequent === null ? "" : " (" + percent(named.most_frequent) + " if the classifier always predicted the most frequent class)";
}

// Rows of the table are true classes, and columns are predicted classes. A cell is darker if its share of
// the row is larger. The shares include columns that are left out.
function drawConfusion({ names, counts, sizes, n_left_out: nLeftOut }) {
  const head = make("tr", null, make("th", { scope: "col" }, "True \\ predicted"),
    ...names.map((name) => make("th", { scope: "col", class: "number" }, text("span", name))));
  const lines = counts.map((line, i) => {
    return make("tr", null, rowHead(names[i]), ...line.map((count, j) => {
      const cell = make("td", { class: "number " + (i === j ? "right" : "wrong") }, count ? number(count) : "");
      cell.style.setProperty("--part", sizes[i] ? Math.round(100 * count / sizes[i]) + "%" : "0%");
      return cell;
    }));
  });
  const title = "True and predicted classes of rows";
  const left = nLeftOut ? [text("p", "The table has the " + number(names.length) + " classes with the most rows; "
    + plural(nLeftOut, "other is", "others are") + " left out.", "hint")] : [];
  return tableBlock(title, "confusion", head, lines, ...left);
}

function drawNamed({ name, is, why, isWrong }) {
  const words = name === null ? "No class, because the distance to the map is too large. The nearest class would be " + why : why;
  return make("div", { class: "named" }, text("span", words),
    ...(isWrong ? [" ", make("strong", { class: "mistake" }, "The true class is ", text("span", is), ".")] : []));
}
