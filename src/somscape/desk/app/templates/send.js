// A file goes to the server, wherever it is dropped or chosen.

const open = (run) => { location.href = "/runs/" + run; };

// For a watch, it is run on the file at once, in place of a run whose table was wrong if one is named.
function send(file, watch, insteadOf) {
  const most = Number(meta("max-upload"));
  attempt(null, async () => {
    if (!meta("endings").split(",").some((ending) => file.name.toLowerCase().endsWith(ending))) {
      throw new Error(file.name + " is no kind of table that can be read here. Give a .csv, .tsv, .csv.gz, .parquet, .feather, .xlsx, .xls or .ods file.");
    }
    if (file.size > most) {
      throw new Error(file.name + " has " + number(Math.ceil(file.size / 1e6)) + " MB, more than the "
        + number(most / 1e6) + " MB that this server takes (--max-upload).");
    }
    byId("sending").textContent = "Taking in " + file.name + " ...";
    byId("sending").hidden = false;
    try {
      const of = (watch === undefined ? "" : "&watch=" + encodeURIComponent(watch))
        + (insteadOf === undefined ? "" : "&instead_of=" + insteadOf);
      open((await call("uploads?name=" + encodeURIComponent(file.name) + of, file)).run);
    } finally {
      byId("sending").hidden = true;
    }
  });
}
