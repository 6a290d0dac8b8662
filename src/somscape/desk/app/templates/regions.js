// Save edited regions of the app's report in the page, the files and the map of the run.

byId("save-regions").textContent = "Save";
byId("save-hint").textContent = "Save changes the regions in the files of this run (report.html and map.som), and describes the new regions on this page.";

additions.saveRegions = async (file) => {
  byId("save-regions").disabled = true;
  byId("edited").textContent = "Saving, then loading the page again ...";
  try {
    await call("runs/" + host.run + "/regions", file);
    isSaved = true;
    location.reload();
  } catch (error) {
    byId("edited").textContent = error.message;
    byId("save-regions").disabled = false;
  }
};
