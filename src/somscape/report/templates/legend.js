// Legends of colors, and texts about a cell.

function sayCell(unit) {
  const alerts = data.score ? ", " + plural(perUnit.alerts[unit], "alert", "alerts") : "";
  const mistakes = nMistakes ? ", " + number(perUnit.dots[unit]) + " misclassified" : "";
  return cellName(unit) + ": " + plural(perUnit.rows[unit], "row", "rows") + alerts + mistakes;
}

function sayPlane(plane, unit) {
  if (plane.kind === "count") return "";
  const isMean = plane.group === "other" && plane.kind === "number";
  const name = plane.group === "map" || isMean ? plane.unit : plane.name;
  return name + ": " + describe(plane, unit);
}

const sayAll = (unit) => ["Unit " + sayCell(unit),
  ...new Set(openDrawings().map(({ number }) => sayPlane(state.planes[number], unit)))].filter(Boolean);

function read(unit) {
  byId("readout").textContent = sayAll(unit).join(". ") + ".";
}

function readChosen() {
  if (state.cells.size === 1) read([...state.cells][0]);
  else if (state.cells.size) {
    const sum = (values) => [...state.cells].reduce((total, unit) => total + values[unit], 0);
    const alerts = data.score ? ", " + plural(sum(perUnit.alerts), "alert", "alerts") : "";
    byId("readout").textContent = plural(state.cells.size, "unit", "units") + " chosen: "
      + plural(sum(perUnit.rows), "row", "rows") + alerts + ".";
  } else byId("readout").textContent = "Choose a unit to list its rows. Drag or hold Shift to choose several units.";
}

// A text next to the pointer. Keyboard and touch users see the same text below the map.
function drawTip(unit, event) {
  const tip = byId("tip");
  tip.hidden = unit === null;
  if (unit === null) return;
  tip.replaceChildren(...sayAll(unit).map((line) => text("div", line)));
  const isRight = event.clientX > window.innerWidth / 2;
  tip.style.left = isRight ? "auto" : event.clientX + 16 + "px";
  tip.style.right = isRight ? window.innerWidth - event.clientX + 16 + "px" : "auto";
  tip.style.top = event.clientY + 16 + "px";
}

function drawLegend(plane) {
  const isNamed = plane.kind === "level" || plane.kind === "region";
  const parts = isNamed ? [levelLegend(plane)] : rampLegend(plane);
  if (plane.values.includes(null)) parts.push(legendLine("swatch empty-key", plane.group === "other" ? "no rows with a value" : "no rows"));
  if (byId("dots").checked && (data.n_alerts || nMistakes)) {
    parts.push(legendLine("dot-key", (nMistakes ? "misclassified rows" : "alerts in the unit") + " (a larger dot means more)"));
  }
  return parts;
}

function legendLine(key, words) {
  return make("p", { class: "legend-line" }, make("span", { class: key }), words);
}

function rampLegend(plane) {
  const [low, high] = scaleOf(plane);
  const bar = make("div", { class: "ramp" });
  bar.style.background = "linear-gradient(to right, " + rampOf(plane).join(", ") + ")";
  const show = { share: percent, date }[plane.kind] || number;
  const shown = high > low ? [low, (low + high) / 2, high] : [low];
  const ticks = make("div", { class: "ticks" }, ...shown.map((v) => make("span", null, show(v))));
  const label = plane.kind === "share" ? "share of " + plane.levels[0] + " in " + plane.name : plane.unit;
  return [bar, ticks, text("div", label)];
}

function levelLegend(plane) {
  const isRegions = plane.kind === "region";
  const named = isRegions ? regions.map((region, i) => [regionName(region), regionColor(i)])
    : plane.levels.slice(0, LEVELS.length).map((level, i) => [level, levelColor(i)]);
  const nOther = isRegions ? 0 : plane.levels.length - named.length;
  if (nOther) named.push([plural(nOther, "other value", "other values"), OTHER]);
  const label = isRegions ? "regions" : "prevailing value of " + plane.name;
  return make("ul", { class: "levels", "aria-label": label },
    ...named.map(([level, color]) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = color;
      return make("li", null, swatch, text("span", level));
    }));
}
