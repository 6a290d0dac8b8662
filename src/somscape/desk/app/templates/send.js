// Send a dropped or chosen file to the server.

const open = (run) => { location.href = "/runs/" + run; };

// A watch runs on the file immediately, and can replace a run whose table was wrong.
function send(file, watch, insteadOf, newIds) {
  const most = Number(meta("max-upload"));
  attempt(null, async () => {
    const endings = meta("endings").split(",");
    const isWorkbook = /\.(xls[xmb]?|ods)$/i.test(file.name); // the server names the extra that a workbook needs
    if (!isWorkbook && !endings.some((ending) => file.name.toLowerCase().endsWith(ending))) {
      throw new Error("The app cannot read the file " + file.name + ". Give a " + endings.slice(0, -1).join(", ") + " or " + endings.at(-1) + " file.");
    }
    if (file.size > most) {
      throw new Error(file.name + " has " + number(Math.ceil(file.size / 1e6)) + " MB, more than the limit of "
        + number(most / 1e6) + " MB of this app (--max-upload).");
    }
    byId("sending").textContent = "Uploading " + file.name + " ...";
    byId("sending").hidden = false;
    try {
      const of = (watch === undefined ? "" : "&watch=" + encodeURIComponent(watch))
        + (insteadOf === undefined ? "" : "&instead_of=" + insteadOf) + (newIds ? "&new_ids=true" : "");
      open((await call("uploads?name=" + encodeURIComponent(file.name) + of, file)).run);
    } finally {
      byId("sending").hidden = true;
    }
  });
}
