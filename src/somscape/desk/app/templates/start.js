// The home page: upload a table by drop or choice, or the sample, for a new run or for a watch.

function listenToFiles() {
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  const target = (event) => event.target.closest?.("[data-watch]") || byId("drop");
  let over = null;
  const hover = (place) => {
    if (over !== place) {
      over?.classList.remove("over");
      place?.classList.add("over");
    }
    over = place;
  };
  // On the whole page, because the browser would otherwise open the file.
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    hover(holdsFiles(event) ? target(event) : null);
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && hover(null));
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    const place = target(event);
    hover(null);
    if (event.dataTransfer.files.length) send(event.dataTransfer.files[0], place.dataset.watch);
  });
  byId("file").addEventListener("change", (event) => {
    if (event.target.files.length) send(event.target.files[0]);
    event.target.value = "";
  });
  byId("sample").addEventListener("click", (event) =>
    attempt(event.target, async () => open((await call("sample", {})).run)));
}

byId("kinds").textContent = meta("endings").replaceAll(",", ", ").replace(/, (?=[^,]*$)/, " or ");
byId("most").textContent = number(Number(meta("max-upload")) / 1e6) + " MB";
listenToFiles();
