// Cells are chosen by click, Shift, drag or the keyboard. The list then shows their rows.

let dragFrom = null;

const unitOf = (event) => (event.target.dataset.unit === undefined ? null : Number(event.target.dataset.unit));

function listenToMap(drawing) {
  const { svg, cells } = drawing;
  svg.addEventListener("click", (event) => {
    if (unitOf(event) !== null) chooseCell(unitOf(event), event.shiftKey || event.ctrlKey || event.metaKey);
  });
  svg.addEventListener("pointerdown", (event) => {
    const isDrag = event.pointerType !== "touch" && event.button === 0; // a finger scrolls
    dragFrom = isDrag && unitOf(event) !== null
      ? { unit: unitOf(event), kept: event.shiftKey ? [...state.cells] : [] } : null;
  });
  svg.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") drawTip(unitOf(event), event);
  });
  const others = () => openDrawings().filter((other) => other !== drawing);
  svg.addEventListener("pointerover", (event) => {
    const unit = unitOf(event);
    hint(unit, others());
    if (dragFrom && unit !== null && unit !== dragFrom.unit) {
      chooseCells([...dragFrom.kept, ...cellsBetween(dragFrom.unit, unit)]);
    }
  });
  svg.addEventListener("pointerleave", (event) => {
    drawTip(null, event);
    hint(null, others());
  });
  svg.addEventListener("focusin", (event) => {
    if (unitOf(event) !== null) moveFocus(unitOf(event));
  });
  svg.addEventListener("focusout", () => drawRings());
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") chooseCell(focused, event.shiftKey);
    else if (event.key === "Escape") chooseCells([]);
    else if (!step(cells, event.key, event.shiftKey)) return;
    event.preventDefault();
  });
}

window.addEventListener("pointerup", () => { dragFrom = null; });

// All cells whose centers are in the rectangle between two cells.
function cellsBetween(a, b) {
  const [[x1, y1], [x2, y2]] = [data.map.positions[a], data.map.positions[b]];
  const [[left, right], [top, bottom]] = [ends([x1, x2]), ends([y1, y2])];
  const slack = 0.01; // positions are rounded
  return data.map.positions.flatMap(([x, y], unit) =>
    (x >= left - slack && x <= right + slack && y >= top - slack && y <= bottom + slack ? [unit] : []));
}

function step(cells, key, isAdding) {
  const [row, col] = place(focused);
  const [down, right] = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  }[key] || [0, 0];
  if (!down && !right) return false;
  const isInside = (value, count) => value >= 0 && value < count;
  if (isInside(row + down, data.map.n_rows) && isInside(col + right, data.map.n_cols)) {
    const from = focused;
    cells[(row + down) * data.map.n_cols + col + right].focus();
    if (isAdding) chooseCells([...state.cells, from, focused]);
  }
  return true;
}

function moveFocus(unit) {
  for (const { cells } of drawings) {
    cells[focused].setAttribute("tabindex", "-1");
    cells[unit].setAttribute("tabindex", "0");
  }
  focused = unit;
  drawRings();
  read(unit);
}

function chooseCell(unit, isAdding) {
  const others = isAdding ? [...state.cells].filter((other) => other !== unit) : [];
  const isDropped = state.cells.has(unit) && (isAdding || state.cells.size === 1);
  chooseCells(isDropped ? others : [...others, unit]);
}

function chooseCells(units) {
  const before = state.cells;
  state.cells = new Set(units);
  for (const { cells } of drawings) {
    for (const unit of before) if (!state.cells.has(unit)) cells[unit].setAttribute("aria-pressed", "false");
    for (const unit of state.cells) if (!before.has(unit)) cells[unit].setAttribute("aria-pressed", "true");
  }
  drawRings();
  readChosen();
  markRegion();
  showList();
  drawColumn();
  keepView();
}
