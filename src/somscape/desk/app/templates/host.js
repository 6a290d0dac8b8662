// What the server says of itself in the page's head.

const meta = (name) => (document.querySelector('meta[name="' + name + '"]') || {}).content;
const host = { csrf: meta("csrf"), role: meta("role"), run: location.pathname.split("/")[2] };
