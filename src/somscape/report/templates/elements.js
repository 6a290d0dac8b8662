// Elements, text and numbers for this page and other pages of somscape. Text only becomes text nodes.

const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  return fillIn(document.createElement(tag), attributes, children);
}

function fillIn(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flatMap((child) => (typeof child === "string" && HAS_WORDS.test(element.tagName) ? unbroken(child) : [child])));
  return element;
}

// Lines do not break within a date, nor between a number and its percent sign or its decision.
const TOGETHER = /(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?|\b\d[\d,.]{0,9} (?:%|listed\b|confirmed\b|cleared\b|open\b))/;
const HAS_WORDS = /^(A|B|CODE|DD|LI|P|SPAN|SUMMARY|TH)$/;

function unbroken(words) {
  return words.split(TOGETHER).map((part, i) => (i % 2 ? make("span", { class: "together" }, document.createTextNode(part)) : part));
}

// A number or a date, which is in one line of a table.
const isWhole = (cell) => /^[-+\d][-+\d\s.,:TZ]*$/.test(cell);

function text(tag, content, className) {
  return make(tag, { class: className ? "text " + className : "text", dir: "auto" }, String(content));
}

// The format is made once, because this takes longer than formatting a thousand numbers.
const inLocale = new Intl.NumberFormat("en", { maximumFractionDigits: 8 });

// Whole digits with separators, as in `inLocale`, and a sentence with separators in its counts.
const grouped = (digits) => digits.replace(/\B(?=(?:\d{3})+$)/g, ",");
const COUNTS = /(?<![\w.,:-])\d{4,}(?= (?:of|rows|different|(?:\S+ ){1,3}(?:stands?|are))\b)/g;
const withGroups = (sentence) => sentence.replace(COUNTS, grouped);

// Numbers in a text, such as a range, with separators.
const inThousands = (words) => words.replace(/(?<![\w.,])\d{4,}(?![\w-])/g, grouped);

// Values after the names of their columns, with the decimals of the column if the column has at most two. Values that are written
// in another way than 1234.5 stay as in the file.
const PLAIN = "(-?(?:0|[1-9]\\d*)(?:\\.\\d+)?)";
const VALUE = "(is|moved from) " + PLAIN + "(?: to " + PLAIN + ")?(?=[.,;](?:\\s|$)| (?!\\d|times|standard|of\\b)|$)";
const withDecimals = (value, n) => value.replace(/\.0$/, "").replace(/(?:\.(\d+))?$/, (all, part = "") => n ? "." + part.padEnd(n, "0") : all);
function inFullValues(words, numbers) {
  const names = [...numbers.keys()].filter((name) => numbers.get(name) <= 2 && words.includes(name + " "));
  if (!names.length) return words;
  const any = names.sort((a, b) => b.length - a.length).map((name) => name.replace(/[\\^$.*+?()[\]{}|\/]/g, "\\$&")).join("|");
  return words.replace(new RegExp("(^|[,;:.] |since then )(" + any + ") " + VALUE, "gu"), (all, before, name, verb, ...values) =>
    before + name + " " + verb + " " + values.slice(0, 2).filter(Boolean).map((value) => withDecimals(value, numbers.get(name))).join(" to "));
}

// A check such as "balance -88,000 (next 9262)", with the numbers as in the list.
const EXTREMES = /^ [-\d., ]+ \(next [-\d.,]+\)/;
function inCheck(words, numbers) {
  const name = [...numbers.keys()].find((each) => words.startsWith(each) && EXTREMES.test(words.slice(each.length)));
  if (name === undefined) return words;
  const n = numbers.get(name), shown = (value) => inThousands(n <= 2 ? withDecimals(value, n) : value);
  return name + words.slice(name.length).replace(EXTREMES, (all) => all.replace(/-?\d+(?:,\d{3})*(?:\.\d+)?/g, shown));
}

// A sentence in which numbers follow the names of columns, such as "balance between 10 and 136000". `numbers` contains the columns
// with the number of their decimals.
const AFTER_NAME = /^(?:[-+]?\d[\d.]*(?![\w-])|is|times|larger|smaller|moved|from|to|median|between|and|at|most|least|[(, ])+/;
const afterNames = (words, numbers) => [...numbers.keys()].filter((name) => words.includes(name + " ")).reduce((said, name) => said.split(name + " ")
  .map((part, i, all) => (i && !/[\p{L}\d_.-]$/u.test(all[i - 1]) ? part.replace(AFTER_NAME, inThousands) : part)).join(name + " "), inFullValues(words, numbers));

// A p-value with two digits.
function smallShare(p) {
  return p > 0 && p < 1e-4 ? p.toExponential(1) : number(p && Number(p.toPrecision(2)));
}

function number(value) {
  if (value === null || value === undefined) return "none";
  if (Number.isInteger(value)) return inLocale.format(value);
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) return value.toExponential(2);
  return inLocale.format(Number(value.toPrecision(4)));
}

// Values of one column with all their decimals, such as amounts of money. More than four decimals are rounded.
function inFull(values) {
  const decimalsOf = (value) => [0, 1, 2, 3, 4].find((n) => Math.abs(Number(value.toFixed(n)) - value) <= 1e-12 * Math.abs(value));
  const digits = Math.max(0, ...values.map((value) => (typeof value === "number" ? decimalsOf(value) ?? 0 : 0)));
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return values.map((value) => (typeof value !== "number" ? value
    : decimalsOf(value) === undefined ? number(value) : value.toLocaleString("en", options)));
}

// Numbers as "1, 2 and 5".
function asSeries(numbers) {
  return [numbers.slice(0, -1).join(", "), numbers.at(-1)].filter((part) => part !== "").join(" and ");
}

// An amount of money, with two decimals unless all amounts of its column are whole.
const money = (value, isWhole = Number.isInteger(value)) => isWhole ? number(value)
  : value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

// The rows and checks that a run listed, and the decisions on them. A table can be without checks.
function sayPrecision(counts) {
  const rows = ["listed", "confirmed", "cleared", "open", ...(counts.later ? ["later"] : [])].map((name) => number(counts[name]) + " " + name).join(", ");
  return rows + (counts.checks ? "; " + plural(counts.checks, "check", "checks") + ", " + number(counts.open_checks) + " open" : "");
}

function plural(count, one, many) {
  return number(count) + " " + (count === 1 ? one : many);
}
