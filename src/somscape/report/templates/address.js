// The address contains the view, so that a reload or a copied link shows the same view. At the end, the page is drawn.

function keepView() {
  const view = new URLSearchParams();
  const [first, second] = state.planes;
  if (first !== data.planes[0]) view.set("color", first.key);
  if (second) view.set("second", second.key);
  if (state.order !== "table") view.set("order", state.order);
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
  } catch { /* a frame of a notebook does not have an address */ }
}

// If there are no alerts, all rows are listed.
const usualScope = data.n_alerts ? "alerts" : "all";

// Parts of a link that do not fit this page are ignored.
function readView() {
  if (location.hash.length > 1 && !location.hash.includes("=")) return; // a link to a section of the page
  const view = new URLSearchParams(location.hash.slice(1));
  state.planes[0] = planes.get(view.get("color")) || data.planes[0];
  state.ramp = RAMPS[view.get("ramp")] ? view.get("ramp") : "auto";
  state.column = state.planes[0].group === "column" ? state.planes[0].name : null;
  const shown = data.n_alerts && ["all", "alerts"].includes(view.get("show")) ? view.get("show") : usualScope;
  document.querySelector('input[value="' + shown + '"]').checked = true;
  for (const id of ["dots", "borders"]) byId(id).checked = !(view.get("hide") || "").split(".").includes(id);
  byId("search").value = view.get("find") || "";
  const key = (view.get("sort") || "rank").replace("-", "");
  const isKnown = document.querySelector('#rows th[data-key="' + CSS.escape(key) + '"]') !== null;
  sortBy(isKnown ? key : "rank", isKnown && (view.get("sort") || "").startsWith("-"));
  const rank = Number(view.get("case"));
  state.row = byRank.has(rank) && rank <= listed.length ? rank : null;
  const region = hasRegions() && /^\d+$/.test(view.get("region")) ? regions[Number(view.get("region"))] : undefined;
  const units = region ? region.units : (view.get("cells") || "").split(".").filter(Boolean).map(Number).filter((unit) => unit in data.map.positions);
  state.order = Object.hasOwn(ORDERS, view.get("order")) ? view.get("order") : "table";
  fillPlanes();
  orderGallery();
  showSecond(planes.get(view.get("second")) || null);
  chooseCells(units);
  if (state.row !== null) {
    state.nShown = Math.max(PAGE_SIZE, chosenRows().findIndex((row) => row.rank === state.row) + 1);
    drawList();
  }
}

// A menu closes with Escape, or with a click next to it.
function listenToMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = menu.contains(event.target);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
}

fillWords();
fillAgreement();
fillChanged();
fillChecks();
fillClasses();
drawMap(0);
fillPlanes();
fillRegionLists();
fillCards();
fillGallery();
listenToColors();
listenToRegions();
listenToEdits();
listenToList();
listenToExports();
listenToMenus();
readView();
window.addEventListener("hashchange", readView);
fillColumns();
fillModel();
fillMethod();
fillCharts();
