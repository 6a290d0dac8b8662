// Each picture of a page opens in full where it is clicked: on a telephone, most are small.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const picture of document.querySelectorAll(".bd-article img")) {
    if (picture.closest("a, button, .sphx-glr-thumbcontainer")) continue;
    const link = document.createElement("a");
    link.href = picture.src;
    link.title = "Open the picture in full";
    link.className = "in-full";
    for (const mode of ["only-light", "only-dark"]) link.classList.toggle(mode, picture.classList.contains(mode));
    picture.replaceWith(link);
    link.append(picture);
  }
});
