// What unfolds in the navigation has a sign, and needs a name that is read aloud.
document.addEventListener("DOMContentLoaded", () => {
  for (const sign of document.querySelectorAll("summary > .toctree-toggle")) {
    sign.parentElement.setAttribute("aria-label", "Pages below this one");
  }
});
