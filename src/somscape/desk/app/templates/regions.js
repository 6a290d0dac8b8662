// In the app's report, regions that were edited are saved in the run: its page, its files and its map.

byId("save-regions").textContent = "Save";
byId("save-hint").textContent = "Save keeps them in this run and describes them anew: this page, report.html and map.som have them.";

additions.saveRegions = async (file) => {
  byId("save-regions").disabled = true;
  byId("edited").textContent = "Saving; the page is made anew ...";
  try {
    await call("runs/" + host.run + "/regions", file);
    isSaved = true;
    location.reload();
  } catch (error) {
    byId("edited").textContent = error.message;
    byId("save-regions").disabled = false;
  }
};
