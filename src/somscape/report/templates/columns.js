// The columns: a small map of each column, and a histogram of the values of one column.

const columnOf = new Map(data.columns.map((column) => [column.name, column]));
function fillGallery() {
  byId("gallery").append(...columnsInOrder().map((plane) => {
    const card = make("button", { type: "button", class: "card", "data-key": plane.key, "aria-pressed": "false" },
      make("canvas", { "aria-hidden": "true" }), text("span", plane.name),
      make("small", null, sayExplained(columnOf.get(plane.name), "")));
    card.addEventListener("click", () => choosePlane(plane));
    return card;
  }));
  byId("find-column").addEventListener("input", filterGallery);
  byId("gallery-box").hidden = columnPlanes.length === 0;
  byId("find-column-box").hidden = columnPlanes.length < 13;
  drawGallery();
  window.addEventListener("beforeprint", drawWholeGallery);
}

function orderGallery() {
  const cards = new Map([...byId("gallery").children].map((card) => [card.dataset.key, card]));
  byId("gallery").append(...columnsInOrder().map((plane) => cards.get(plane.key)));
}

function filterGallery() {
  const word = byId("find-column").value.toLowerCase();
  for (const card of byId("gallery").children) {
    card.hidden = !planes.get(card.dataset.key).name.toLowerCase().includes(word);
  }
}

// Cards are only drawn when they become visible, because a wide table has many cards.
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    drawSmallMap(target.querySelector("canvas"), planes.get(target.dataset.key));
  }
});

function drawWholeGallery() {
  for (const card of byId("gallery").children) {
    drawSmallMap(card.querySelector("canvas"), planes.get(card.dataset.key));
  }
}

function drawGallery() {
  for (const card of byId("gallery").children) watcher.observe(card);
}

function drawSmallMap(canvas, plane, [width, height] = [180, 140]) {
  const [left, right] = ends(data.map.positions.map(([x]) => x));
  const [top, bottom] = ends(data.map.positions.map(([, y]) => y));
  const scale = Math.min(width / (right - left + 1.2), height / (bottom - top + 1.2)) * devicePixelRatio;
  canvas.width = scale * (right - left + 1.2);
  canvas.height = scale * (bottom - top + 1.2);
  const brush = canvas.getContext("2d");
  colorsOf(plane).forEach((color, unit) => {
    if (color === null) return;
    const [x, y] = data.map.positions[unit];
    brush.fillStyle = color;
    brush.beginPath();
    for (const [dx, dy] of data.map.cell) {
      // The shape is slightly larger than the cell, so that seams between cells are not visible.
      brush.lineTo(scale * (x - left + 0.6 + 1.04 * dx), scale * (y - top + 0.6 + 1.04 * dy));
    }
    brush.fill();
  });
  return ([x, y]) => [scale * (x - left + 0.6), scale * (y - top + 0.6)];
}

function sayExplained(column, after) {
  return column.explained === null || column.explained === undefined
    ? "" : percent(Math.max(0, column.explained)) + " explained" + after;
}

function chooseColumn(name) {
  state.column = name;
  drawColumn();
}

function drawColumn() {
  const column = columnOf.get(state.column);
  byId("column").hidden = !column || !column.counts;
  for (const card of byId("gallery").children) {
    card.setAttribute("aria-pressed", String(planes.get(card.dataset.key).name === state.column));
  }
  if (byId("column").hidden) return;
  const facts = [KINDS[column.kind] || column.kind, withGroups(column.why), plural(column.n_missing, "missing value", "missing values"),
    sayExplained(column, " by the map, which is the share of its variance between units")];
  byId("column").replaceChildren(text("h3", column.name), text("p", facts.filter(Boolean).join(", ") + ".", "hint"),
    drawHistogram(column));
}

// Bars of all rows, of alerts and of the rows of chosen cells. Each group is scaled to its own total,
// so that shapes can be compared.
function drawHistogram(column) {
  const groups = [
    ["all", "all rows", column.counts],
    ["alerts", "alerts", column.alert_counts],
    ["chosen", "listed rows of the chosen units", countChosen(column)],
  ].map(([key, words, counts]) => ({ key, words, counts, total: counts.reduce((a, b) => a + b, 0) }))
    .filter(({ total }) => total);
  // One unit is one pixel on a narrow screen, so that texts are readable.
  const width = Math.max(260, Math.min(720, byId("column").clientWidth - 36));
  const [height, bottom] = [190, 30];
  const n = column.counts.length;
  const most = Math.max(...groups.flatMap(({ counts, total }) => counts.map((count) => count / total)), 1e-9);
  const wide = width / Math.max(1, n);
  const tall = (count, total) => ((height - bottom - 8) * count) / total / most;
  const shapes = groups.flatMap(({ key, counts, total }, g) => counts.map((count, i) => makeSvg("rect", {
    class: "bar " + key, x: (i + 0.06 + (g ? 0.28 * g : 0)) * wide, width: (g ? 0.26 : 0.88) * wide,
    y: height - bottom - tall(count, total), height: tall(count, total),
  }, makeSvg("title", null, sayBar(column, i) + ": " + groups.map(({ words, counts: all, total: sum }) =>
    number(all[i]) + " of " + number(sum) + " " + words).join(", ")))));
  const label = "Distribution of " + column.name + ", " + groups.map(({ words, total }) => number(total) + " " + words).join(", ");
  return make("figure", null,
    makeSvg("svg", { class: "chart histogram", viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": label },
      makeSvg("line", { class: "axis", x1: 0, x2: width, y1: height - bottom, y2: height - bottom }),
      ...shapes, ...drawTicks(column, wide, width, height)),
    make("figcaption", null, ...groups.map(({ key, words, total }) =>
      make("span", { class: "key" }, make("span", { class: "swatch " + key }), words + " (" + number(total) + ")")),
      " The height of a bar is a share of its group. The scale compresses values far from the middle, as in the training of the map."));
}

function countChosen(column) {
  const counts = column.counts.map(() => 0);
  for (const row of state.cells.size ? listed : []) {
    const bar = column.bars.charCodeAt(row.position) - 97;
    if (bar >= 0 && state.cells.has(row.unit)) counts[bar] += 1;
  }
  return counts;
}

const inWords = (value) => (typeof value === "number" ? number(value) : String(value));

function sayBar(column, i) {
  return column.levels ? inWords(column.levels[i]) : inWords(column.edges[i]) + " to " + inWords(column.edges[i + 1]);
}

function drawTicks(column, wide, width, height) {
  const ticks = column.levels
    ? column.levels.map((level, i) => [(i + 0.5) * wide, level])
    : column.edges.map((edge, i) => [i * wide, edge]);
  const every = Math.ceil(ticks.length / Math.max(2, Math.floor(width / 90)));
  const last = ticks.length - 1;
  return ticks.flatMap(([x, value], i) => (i % every ? [] : [makeSvg("text", {
    x, y: height - 10, "text-anchor": column.levels ? "middle" : i === 0 ? "start" : i === last ? "end" : "middle",
  }, cut(inWords(value), 14))]));
}

const cut = (words, length) => (words.length > length ? words.slice(0, length - 1) + "\u2026" : words);
