// Save edited regions of the app's report in the page, the files and the map of the run.

byId("save-regions").textContent = "Save";
byId("save-hint").textContent = "Save stores the regions in this run and updates their descriptions, in this page, report.html and map.som.";

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
