// One drawing of the map, or two drawings next to each other, each colored by its own plane.

const drawings = []; // the first always exists, and the second is made when it is needed
let focused = 0;
let thick = 1; // rings of a large map are larger than its cells

const isOpen = (drawing) => state.planes[drawing.number] !== null;
const openDrawings = () => drawings.filter(isOpen);

function outline(unit, size) {
  const [x, y] = data.map.positions[unit];
  return data.map.cell.map(([dx, dy]) =>
    (x + size * dx).toFixed(3) + "," + (y + size * dy).toFixed(3)).join(" ");
}

function drawMap(number) {
  const ending = number ? "-2" : "";
  const layer = (name) => makeSvg("g", { id: name + "-layer" + ending });
  const drawing = {
    number, svg: byId("map" + ending), select: byId("plane" + ending), legend: byId("legend" + ending),
    colors: [], cells: data.map.positions.map((_, unit) => makeSvg("polygon", {
      class: "cell", points: outline(unit, 1), role: "button", "aria-pressed": String(state.cells.has(unit)),
      tabindex: unit === focused ? "0" : "-1", "data-unit": unit, "aria-label": "Unit " + sayCell(unit),
    })),
    borders: layer("border"), dots: layer("dot"), numbers: layer("number"), rings: layer("ring"), hints: layer("hint"),
  };
  const { svg, cells, borders, dots, numbers, rings, hints } = drawing;
  const margin = 0.72; // a cell's corner and half the line around it
  const [left, right] = ends(data.map.positions.map(([x]) => x));
  const [top, bottom] = ends(data.map.positions.map(([, y]) => y));
  svg.setAttribute("viewBox", [left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin].join(" "));
  thick = Math.max(1, (right - left) / 30, (bottom - top) / 30);
  svg.style.setProperty("--thick", thick);
  numbers.setAttribute("aria-hidden", "true");
  dots.append(...drawDots());
  svg.append(...drawEdges(), ...cells, borders, dots, numbers, rings, hints);
  drawings[number] = drawing;
  drawRegionsOn(drawing);
  listenToMap(drawing);
}

function drawDots() {
  const most = ends(perUnit.dots)[1];
  return perUnit.dots.flatMap((count, unit) => {
    const [cx, cy] = data.map.positions[unit];
    return count ? [makeSvg("circle", { class: "dot", cx, cy, r: (0.1 + 0.18 * Math.sqrt(count / most)).toFixed(3) })] : [];
  });
}

function drawEdges() {
  return data.map.edges.map(([a, b]) => {
    const [[x1, y1], [x2, y2]] = [data.map.positions[a], data.map.positions[b]];
    return makeSvg("line", { class: "edge", x1, y1, x2, y2 });
  });
}

// Sides of cells by their middles. Each side belongs to one or two cells.
let sides = null;

function findSides() {
  const { cell, positions } = data.map;
  const found = new Map();
  positions.forEach(([x, y], unit) => {
    cell.forEach(([ax, ay], i) => {
      const [bx, by] = cell[(i + 1) % cell.length];
      const key = Math.round(100 * (2 * x + ax + bx)) * 1e6 + Math.round(100 * (2 * y + ay + by));
      const side = found.get(key);
      if (side) side.units.push(unit);
      else found.set(key, { units: [unit], ends: [x + ax, y + ay, x + bx, y + by] });
    });
  });
  return [...found.values()];
}

function pathAlong(isPart) {
  sides ||= findSides();
  const [parts, at] = [[], (value) => value.toFixed(3)];
  for (const { units: [a, b], ends: [x1, y1, x2, y2] } of sides) {
    if (isPart(a, b)) parts.push("M" + at(x1) + "," + at(y1) + "L" + at(x2) + "," + at(y2));
  }
  return parts.join("");
}

// Rings around the chosen cells, the cell of the open case, and the cell with the focus.

function drawRings() {
  const line = chosenLine();
  for (const drawing of openDrawings()) {
    const rings = line === null ? [...state.cells].flatMap((unit) => drawRing(unit, "over", 1))
      : ["under", "over"].map((name) => makeSvg("path", { class: "ring " + name, d: line }));
    if (state.row !== null) rings.push(...drawRing(byRank.get(state.row).unit, "case", 0.86));
    const cell = drawing.cells[focused];
    if (document.activeElement === cell && cell.matches(":focus-visible")) rings.push(...drawRing(focused, "focus", 0.72));
    drawing.rings.replaceChildren(...rings);
  }
}

// A single cell has a ring. Several cells have a line around them.
function chosenLine() {
  if (state.cells.size < 2 || data.map.kind === "graph") return null;
  return pathAlong((a, b) => state.cells.has(a) !== state.cells.has(b));
}

function drawRing(unit, kind, size) {
  const points = outline(unit, size * thick);
  return ["under", kind].map((name) => makeSvg("polygon", { class: "ring " + name, points }));
}

// Marks the cell of a row in the list, or of a cell in the other drawing, at which the reader points.
function hint(unit, where = openDrawings()) {
  for (const drawing of where) {
    drawing.hints.replaceChildren(...(unit === null ? [] : drawRing(unit, "hint", 1)));
  }
}

function colorMap() {
  for (const drawing of openDrawings()) {
    const plane = state.planes[drawing.number];
    const colors = colorsOf(plane);
    drawing.cells.forEach((cell, unit) => {
      if (colors[unit] === drawing.colors[unit]) return;
      if (colors[unit] === null) cell.removeAttribute("fill");
      else cell.setAttribute("fill", colors[unit]);
    });
    drawing.colors = colors;
    drawing.select.value = plane.key;
    drawing.dots.toggleAttribute("hidden", !byId("dots").checked);
    drawing.legend.replaceChildren(...drawLegend(plane));
  }
  byId("ramp").value = state.ramp;
  showRegionsOnMap();
  readChosen();
}
