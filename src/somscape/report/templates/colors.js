// Colors of cells. The lightness of each ramp changes from end to end, so that color vision is not needed.

const RAMPS = {
  viridis: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58",
    "#b5de2b", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
    "#e1cc55", "#fee838"],
  gray: ["#f6f9f9", "#b4cccc", "#7b8b9b", "#434359", "#0b0b12"],
};
const LEVELS = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#9966ff", "#442200", "#bbff99",
  "#880055", "#220088",
];
const OTHER = "#9aa0a6";

const N_SHADES = 256;

function shadesOf(colors) {
  const channel = (i, from) => parseInt(colors[i].slice(from, from + 2), 16);
  return Array.from({ length: N_SHADES }, (_, shade) => {
    const at = (shade / (N_SHADES - 1)) * (colors.length - 1);
    const low = Math.min(Math.floor(at), colors.length - 2);
    return "rgb(" + [1, 3, 5].map((from) =>
      Math.round(channel(low, from) + (at - low) * (channel(low + 1, from) - channel(low, from)))) + ")";
  });
}

const scales = new Map(); // each scale is computed once, because a large map has many cells

function scaleOf(plane) {
  if (!scales.has(plane)) scales.set(plane, findScale(plane));
  return scales.get(plane);
}

function findScale(plane) {
  if (plane.kind === "share") return [0, 1];
  const present = plane.values.filter((value) => value !== null);
  const [low, high] = present.length ? ends(present) : [0, 0];
  return [plane.kind === "count" ? 0 : low, high];
}

function rampOf(plane) {
  return RAMPS[state.ramp] || RAMPS[plane.key === "u_heights" ? "gray" : "viridis"];
}

// If there are more regions than colors, borders and numbers distinguish the regions.
const regionColor = (i) => regions[i].color || LEVELS[i % LEVELS.length];

const levelColor = (i) => (i === null ? null : i < LEVELS.length ? LEVELS[i] : OTHER);

function colorsOf(plane) {
  if (plane.kind === "level") return plane.values.map(levelColor);
  if (plane.kind === "region") return plane.values.map(regionColor);
  const [low, high] = scaleOf(plane);
  const shades = shadesOf(rampOf(plane));
  const span = high - low || 1;
  return plane.values.map((value) => (value === null ? null : shades[Math.round(Math.min(1, Math.max(0, (value - low) / span)) * (N_SHADES - 1))]));
}

function describe(plane, unit) {
  const value = plane.values[unit];
  if (value === null) return plane.group === "other" ? "no value" : "no rows";
  if (plane.kind === "level") return plane.levels[value];
  if (plane.kind === "region") return regionName(regions[value]);
  if (plane.kind === "share") return percent(value) + " " + plane.levels[0];
  return plane.kind === "date" ? date(value) : number(value);
}
