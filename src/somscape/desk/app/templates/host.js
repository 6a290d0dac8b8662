// Facts about the server from the head of the page.

const meta = (name) => (document.querySelector('meta[name="' + name + '"]') || {}).content;
const host = { csrf: meta("csrf"), role: meta("role"), run: location.pathname.split("/")[2] };
