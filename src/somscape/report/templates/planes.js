// The choice of colors of the map: lists of planes, their order, and the second map.

const columnPlanes = data.planes.filter((plane) => plane.group === "column");

// By likeness, similar columns are next to each other. By relevance, the most relevant columns are first.
const ORDERS = {
  table: () => 0,
  likeness: (a, b) => a.likeness - b.likeness,
  relevance: (a, b) => b.relevance - a.relevance,
};
const columnsInOrder = () => [...columnPlanes].sort(ORDERS[state.order]);

const nameInList = (plane) => (plane.group === "label" ? "Share of " + plane.name + " " + plane.levels[0] : plane.name);

function fillPlanes() {
  byId("order-box").hidden = columnPlanes.length < 3;
  byId("order").value = state.order;
  for (const ending of ["", "-2"]) byId("plane" + ending).replaceChildren(...drawChoices());
}

function drawChoices() {
  const isShown = (plane) => plane.kind !== "region" || hasRegions();
  const groups = [["map", "The map"], ["label", "Label"], ["column", "Columns"], ["other", "Columns that did not train the map"]]
    .map(([key, label]) => {
      const found = key === "column" ? columnsInOrder() : data.planes.filter((plane) => plane.group === key && isShown(plane));
      return make("optgroup", { label }, ...found.map((plane) => make("option", { value: plane.key }, nameInList(plane))));
    });
  if (data.n_planes_left_out) {
    groups[2].append(make("option", { disabled: "" },
      plural(data.n_planes_left_out, "more column", "more columns") + " left out of this page"));
  }
  return groups.filter((group) => group.children.length);
}

function choosePlane(plane, number = 0) {
  state.planes[number] = plane;
  colorMap();
  if (plane.group === "column" && !number) chooseColumn(plane.name);
  keepView();
}

// The second map initially shows another plane than the first map.
function showSecond(plane) {
  state.planes[1] = plane;
  byId("second").checked = plane !== null;
  byId("map-box-2").hidden = plane === null;
  document.querySelector("main").classList.toggle("two", plane !== null);
  if (plane !== null && !drawings[1]) drawMap(1);
  colorMap();
  drawRings();
  drawColumn();
}

function otherPlane() {
  const first = state.planes[0];
  const last = drawings[1] && planes.get(byId("plane-2").value);
  return last && last !== first ? last : data.planes.find((plane) => plane !== first);
}

function chooseOrder(order) {
  state.order = order;
  fillPlanes();
  orderGallery();
  colorMap(); // selects the current planes in the lists
}

function listenToColors() {
  ["", "-2"].forEach((ending, number) =>
    byId("plane" + ending).addEventListener("change", (event) => choosePlane(planes.get(event.target.value), number)));
  byId("order").addEventListener("change", (event) => {
    chooseOrder(event.target.value);
    keepView();
  });
  byId("second").addEventListener("change", (event) => {
    showSecond(event.target.checked ? otherPlane() : null);
    keepView();
  });
  byId("ramp").addEventListener("change", (event) => {
    state.ramp = event.target.value;
    colorMap();
    drawGallery();
    keepView();
  });
  for (const id of ["dots", "borders"]) {
    byId(id).addEventListener("change", () => {
      colorMap();
      keepView();
    });
  }
}
