// The address keeps the view, so that a reload or a copied link shows the same; then all is drawn.

function keepView() {
  const view = new URLSearchParams();
  if (state.plane !== data.planes[0]) view.set("color", state.plane.key);
  if (state.ramp !== "auto") view.set("ramp", state.ramp);
  const hidden = ["dots", "borders"].filter((id) => !byId(id).checked);
  if (hidden.length) view.set("hide", hidden.join("."));
  if (chosenRegion()) view.set("region", chosenRegion().number);
  else if (state.cells.size) view.set("cells", [...state.cells].sort((a, b) => a - b).join("."));
  if (state.row !== null) view.set("case", state.row);
  if (scope() !== usualScope) view.set("show", scope());
  if (byId("search").value) view.set("find", byId("search").value);
  if (state.sort !== "rank" || state.isDown) view.set("sort", (state.isDown ? "-" : "") + state.sort);
  byId("copied").textContent = "";
  try {
    history.replaceState(null, "", "#" + view);
  } catch { /* a frame of a notebook has no address to write */ }
}

// Where there are no alerts, all rows are listed.
const usualScope = data.n_alerts ? "alerts" : "all";

// Whatever a link says that this page does not have is passed over.
function readView() {
  if (location.hash.length > 1 && !location.hash.includes("=")) return; // a place in the page
  const view = new URLSearchParams(location.hash.slice(1));
  state.plane = planes.get(view.get("color")) || data.planes[0];
  state.ramp = RAMPS[view.get("ramp")] ? view.get("ramp") : "auto";
  state.column = state.plane.group === "column" ? state.plane.name : null;
  const shown = data.n_alerts && ["all", "alerts"].includes(view.get("show")) ? view.get("show") : usualScope;
  document.querySelector('input[value="' + shown + '"]').checked = true;
  for (const id of ["dots", "borders"]) byId(id).checked = !(view.get("hide") || "").split(".").includes(id);
  showDots();
  byId("search").value = view.get("find") || "";
  const key = (view.get("sort") || "rank").replace("-", "");
  const isKnown = document.querySelector('#rows th[data-key="' + CSS.escape(key) + '"]') !== null;
  sortBy(isKnown ? key : "rank", isKnown && (view.get("sort") || "").startsWith("-"));
  const rank = Number(view.get("case"));
  state.row = byRank.has(rank) && rank <= listed.length ? rank : null;
  const region = hasRegions ? regions[Number(view.get("region")) - 1] : undefined;
  const units = region ? region.units : (view.get("cells") || "").split(".").filter(Boolean).map(Number).filter((unit) => unit in cells);
  colorMap();
  chooseCells(units);
  if (state.row !== null) {
    state.nShown = Math.max(PAGE_SIZE, chosenRows().findIndex((row) => row.rank === state.row) + 1);
    drawList();
  }
}

fillWords();
fillAgreement();
drawMap();
fillPlanes();
fillRegions();
fillGallery();
listenToMap(byId("map"));
listenToColors();
listenToList();
listenToExports();
readView();
window.addEventListener("hashchange", readView);
fillColumns();
fillMethod();
fillCharts();
