// Calls of the server. What it refuses becomes an error whose message is one line to show.

// What a role may do, those before it may not: what needs more is not shown.
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
    throw new Error("The server does not answer. Does the app still run there?");
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

// Does something that may be refused; the button that asked for it waits.
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

// Where the page of a case is; a key may hold anything.
const addressOf = (watch, key) => "/watches/" + encodeURIComponent(watch) + "/cases/" + encodeURIComponent(key);

const when = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

// By this, what is sent again is kept once.
const newToken = () => crypto.randomUUID?.() ?? String(Math.random());

// A table by its name; of a file, the folder is seen by pointing at it.
const sourceOf = (source) => make("span", { class: "text", dir: "auto", title: source },
  source.replace(/^(\/|[A-Za-z]:\\).*[\/\\](?=.)/, ""));
