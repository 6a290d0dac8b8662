// Figures of the page on self-organizing maps: plays what docs/learn_figures.py recorded.
// Without this script, each figure is a still picture.
"use strict";

function made(tag, attributes, text) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// A slider with a name and a text that says where it stands.
function slider(figure, name, { min = 0, max, step = 1, value = 0, says }) {
  const label = made("label", {});
  const range = made("input", { type: "range", min, max, step, value });
  const said = made("output", {});
  label.append(made("span", {}, name), range, said);
  figure.querySelector(".controls").append(label);
  const tell = () => {
    const text = says(Number(range.value));
    said.textContent = text;
    range.setAttribute("aria-valuetext", text);
  };
  range.addEventListener("input", tell);
  tell();
  return { range, tell };
}

// A slider over epochs, and a button that plays them.
function stepping(figure, recording, show) {
  const last = recording.frames.length - 1;
  const says = (epoch) => {
    if (epoch === 0) return "before training";
    const radius = recording.radii[epoch - 1];
    return `${epoch} of ${last}` + (radius === undefined ? "" : `, radius ${radius.toFixed(1)}`);
  };
  const { range, tell } = slider(figure, "Epoch", { max: last, says });
  const button = made("button", { type: "button" }, "Play");
  figure.querySelector(".controls").append(button);
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  const go = (epoch) => {
    range.value = epoch;
    tell();
    show(recording.frames[epoch]);
  };
  range.addEventListener("input", () => {
    stop();
    show(recording.frames[Number(range.value)]);
  });
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    if (Number(range.value) === last) go(0);
    button.textContent = "Stop";
    timer = setInterval(() => {
      if (Number(range.value) === last) return stop();
      go(Number(range.value) + 1);
    }, 300);
  });
  show(recording.frames[0]);
}

function place(element, point, names) {
  element.setAttribute(names[0], point[0]);
  element.setAttribute(names[1], point[1]);
}

function net(figure, recording) {
  const units = figure.querySelectorAll(".unit");
  const lines = figure.querySelectorAll("line");
  stepping(figure, recording, (codebook) => {
    units.forEach((unit, i) => place(unit, codebook[i], ["cx", "cy"]));
    lines.forEach((line, i) => {
      const [from, to] = recording.edges[i];
      place(line, codebook[from], ["x1", "y1"]);
      place(line, codebook[to], ["x2", "y2"]);
    });
  });
}

function colors(figure, recording) {
  const cells = figure.querySelectorAll("polygon");
  stepping(figure, recording, (frame) => {
    cells.forEach((cell, i) => cell.setAttribute("fill", frame[i]));
  });
}

const squared = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;

function nearest(codebook, row) {
  let best = 0;
  codebook.forEach((unit, i) => {
    if (squared(unit, row) < squared(codebook[best], row)) best = i;
  });
  return best;
}

function winner(figure, { codebook, places, row }) {
  const points = figure.querySelector("svg");
  const [width, height] = [points.viewBox.baseVal.width, points.viewBox.baseVal.height];
  const moved = points.querySelector(".moved");
  const units = points.querySelectorAll(".unit");
  const cells = figure.querySelectorAll(".cell");
  const says = (value) => String(Math.round(value));
  const across = slider(figure, "Across", { max: width, value: row[0], says });
  const down = slider(figure, "Down", { max: height, value: row[1], says });
  const radius = slider(figure, "Radius", {
    min: 0.3, max: 4, step: 0.1, value: 1, says: (value) => value.toFixed(1),
  });
  const show = () => {
    const at = [Number(across.range.value), Number(down.range.value)];
    const best = nearest(codebook, at);
    const reach = 2 * Number(radius.range.value) ** 2;
    place(moved, at, ["cx", "cy"]);
    cells.forEach((cell, i) => {
      const pull = Math.exp(-squared(places[i], places[best]) / reach);
      cell.setAttribute("fill-opacity", pull.toFixed(2));
      cell.classList.toggle("best", i === best);
      units[i].classList.toggle("best", i === best);
    });
    cells[best].parentNode.append(cells[best]); // its outline lies above those of its neighbors
  };
  for (const { range } of [across, down, radius]) range.addEventListener("input", show);
  const follow = (event) => {
    const box = points.getBoundingClientRect();
    across.range.value = ((event.clientX - box.left) / box.width) * width;
    down.range.value = ((event.clientY - box.top) / box.height) * height;
    across.tell();
    down.tell();
    show();
  };
  points.classList.add("touchable");
  points.addEventListener("pointerdown", (event) => {
    points.setPointerCapture(event.pointerId);
    follow(event);
  });
  points.addEventListener("pointermove", (event) => {
    if (points.hasPointerCapture(event.pointerId)) follow(event);
  });
  show();
}

document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll("figure.learn")) {
    const recording = JSON.parse(figure.querySelector("script").textContent);
    figure.querySelector(".panels").after(made("div", { class: "controls" }));
    ({ net, colors, winner })[figure.dataset.kind](figure, recording);
  }
});
