// Calls of the server. A refusal becomes an error with a message of one line.

// Roles in ascending order. Each role includes the roles before. Elements that need a higher role are hidden.
const POWERS = ["look", "decide", "run"];
const may = (needed) => POWERS.indexOf(host.role) >= POWERS.indexOf(needed);
for (const role of POWERS) document.body.classList.toggle("not-" + role, !may(role));

async function call(path, body) {
  const isFile = body instanceof Blob;
  const asked = body === undefined ? {} : {
    method: "POST", headers: { "X-Somscape-CSRF": host.csrf }, body: isFile ? body : JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch("/api/" + path, asked);
  } catch {
    throw new Error("The server does not answer. Check that the app is still running.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const problem = new Error(said.problem || "The server answered with error " + answer.status + ".");
    throw Object.assign(problem, { said });
  }
  return said;
}

function showProblem(error) {
  byId("problem").textContent = error ? error.message : "";
  byId("problem").hidden = !error;
}

// Do something that the server may refuse, and disable its button until the answer.
async function attempt(button, what) {
  showProblem(null);
  if (button) button.disabled = true;
  try {
    await what();
  } catch (error) {
    showProblem(error);
  } finally {
    if (button) button.disabled = false;
  }
}

// Address of the page of a case. A key may have any characters.
const addressOf = (watch, key) => "/watches/" + encodeURIComponent(watch) + "/cases/" + encodeURIComponent(key);

// A narrow page shows each row of a table as a card, in which each cell has the name of its column.
function asCards(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  table.setAttribute("role", "table");
  for (const part of [table.tHead, ...table.tBodies]) part.setAttribute("role", "rowgroup");
  for (const row of table.rows) row.setAttribute("role", "row");
  for (const cell of table.querySelectorAll("th")) cell.setAttribute("role", "columnheader");
  for (const row of table.tBodies[0].rows) {
    for (const cell of row.cells) {
      cell.setAttribute("role", "cell");
      cell.dataset.label = names[cell.cellIndex];
    }
  }
}

// The sentences of the reasons. A value can also contain a period and a space.
const reasonsIn = (words) => words.split(/(?<=\.) (?=\S+ is |[^.;]+ (?:is|are) )/).filter(Boolean);

// The columns with separators in their numbers, with the number of their decimals.
const numbersOf = (found) => new Map(Object.entries(found.numbers));

// A reason with separators in the numbers of its column. Other sentences have the separators after names of columns.
function inReason(reason, numbers) {
  const name = [...numbers.keys()].find((each) => reason.startsWith(each + " is "));
  return name === undefined ? afterNames(reason, numbers)
    : name + inThousands(inFullValues(reason.replace(/(?<=\d)\.0(?!\w)/g, ""), numbers).slice(name.length));
}

// Dates and times have one format on all pages, as in the reasons: 2026-07-01 13:03.
const when = (time) => new Date(time).toLocaleString("sv", { dateStyle: "short", timeStyle: "short" }).replaceAll(" ", "\u00a0");

const dayOf = (time) => new Date(time).toLocaleDateString("sv");

// A token, so that a decision that is sent twice is saved once.
const newToken = () => crypto.randomUUID?.() ?? String(Math.random());

// The name of a table. The tooltip shows the folder of a file.
const sourceOf = (source) => make("span", { class: "text", dir: "auto", title: source },
  source.replace(/^(\/|[A-Za-z]:\\).*[\/\\](?=.)/, ""));
