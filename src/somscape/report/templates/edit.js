// Editing of regions: join, split, rename, recolor, and save as a file.

const past = []; // earlier regions for "Undo"
const picked = new Set(); // numbers of the regions to join or split
let isEditing = false;
let isSaved = true;

function listenToEdits() {
  byId("edit-box").hidden = !data.map.joins; // regions are split along the joins of units
  byId("edit").addEventListener("click", () => {
    isEditing = !isEditing;
    byId("edit").setAttribute("aria-pressed", String(isEditing));
    for (const id of ["edit-tools", "edit-hint", "edit-map"]) byId(id).hidden = !isEditing;
    picked.clear();
    showRegions();
  });
  byId("join").addEventListener("click", () => {
    const which = [...picked].sort((a, b) => a - b);
    const units = regions[which[0]].units;
    change(joined(partition, which));
    byId("pick-" + regionOfUnit(units[0]).number).focus();
  });
  byId("split").addEventListener("click", () => {
    const { units } = regions[[...picked][0]];
    change(split(partition, [...picked][0]));
    byId("pick-" + regionOfUnit(units[0]).number).focus();
  });
  byId("undo").addEventListener("click", () => {
    picked.clear();
    isSaved = false;
    setRegions(past.pop());
    showRegions();
    if (!past.length) byId("edit").focus(); // a disabled button loses the focus
  });
  byId("save-regions").addEventListener("click", () => additions.saveRegions(regionsFile()));
  window.addEventListener("beforeunload", (event) => {
    if (!isSaved) event.preventDefault();
  });
}

function change(next, keepsCards = false) {
  past.push(partition);
  isSaved = false;
  setRegions(next);
  if (!keepsCards) picked.clear();
  showRegions(keepsCards);
}

// The content of a file of regions, which `regions.read` reads.
function regionsFile() {
  const some = (values) => (values.some(Boolean) ? values : []);
  const { labels, names, colors } = partition;
  return { schema: "somscape-regions", schema_version: 1, map: data.map.fingerprint, labels, names: some(names), colors: some(colors) };
}

// Updates all parts that show regions: the map, the lists and the open case.
function showRegions(keepsCards = false) {
  if (!keepsCards) {
    fillCards();
    const line = borderLine();
    for (const drawing of drawings) drawRegionsOn(drawing, line);
  }
  fillRegionLists();
  fillPlanes();
  colorMap();
  markRegion();
  drawList();
  keepView();
  if (isEditing) drawEditMap();
  showTools();
}

// The map is far above, so this part has a small map with the numbers of the regions.
function drawEditMap() {
  const canvas = byId("edit-map");
  const at = drawSmallMap(canvas, regionPlane, [300, 190]);
  const brush = canvas.getContext("2d");
  Object.assign(brush, { font: "bold " + 17 * devicePixelRatio + "px system-ui", textAlign: "center", textBaseline: "middle",
    lineJoin: "round", lineWidth: 4 * devicePixelRatio, strokeStyle: "#ffffff", fillStyle: "#111111" });
  for (const region of regions) {
    const place = at(middleOf(region));
    brush.strokeText(region.number, ...place);
    brush.fillText(region.number, ...place);
  }
}

function showTools() {
  const { size } = picked;
  byId("join").disabled = size < 2;
  byId("split").disabled = size !== 1 || regions[[...picked][0]].units.length < 2;
  byId("undo").disabled = !past.length;
  byId("edited").textContent = !isSaved ? "The regions were changed and are not saved yet." : "";
}

function drawEditor(region) {
  const { number: i } = region;
  const name = make("input", {
    type: "text", id: "name-" + i, maxlength: "80", placeholder: region.ownName || "no name yet", autocomplete: "off",
    "aria-label": "Name of region " + i, dir: "auto",
  });
  name.value = partition.names[i];
  name.addEventListener("change", () => rename(i, name));
  const color = make("input", { type: "color", id: "color-" + i, value: regionColor(i), "aria-label": "Color of region " + i });
  color.addEventListener("change", () => recolor(i, color.value));
  const pick = make("input", { type: "checkbox", id: "pick-" + i });
  pick.addEventListener("change", () => {
    if (pick.checked) picked.add(i);
    else picked.delete(i);
    showTools();
  });
  return make("div", { class: "editor" }, make("label", { class: "switch" }, pick, " Region " + i), color, name);
}

// The fields of names and colors are not drawn again after a change, so they keep the focus.
function rename(i, field) {
  const name = field.value.trim();
  field.value = name;
  if (name === partition.names[i]) return;
  if (name && partition.names.includes(name)) {
    field.value = partition.names[i];
    byId("edited").textContent = "Another region has the name \u201c" + name + "\u201d. Give each region its own name.";
    return;
  }
  changeLook("names", i, name);
}

function recolor(i, color) {
  byId("card-" + i).style.setProperty("--region", color);
  changeLook("colors", i, color);
}

function changeLook(what, i, value) {
  change({ ...partition, [what]: partition[what].map((old, region) => (region === i ? value : old)) }, true);
}

function giveRegions(file) {
  download("regions.json", JSON.stringify(file) + "\n", "application/json");
  isSaved = true;
  showTools();
}
