// Elements are made of text nodes only: whatever an id or a name holds, it is shown and never run.
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

function say(text) {
  byId("status").textContent = text;
}

function option(value, text) {
  return element("option", { value }, text);
}

function button(text, act, attributes = {}) {
  return element("button", { type: "button", ...attributes, on: { click: act } }, text);
}

// Buttons of a list: one of them can be tabbed to, arrows go from one to the next.
function roving(list) {
  const buttons = () => [...list.querySelectorAll("button")];
  buttons().forEach((item, i) => { item.tabIndex = i === 0 ? 0 : -1; });
  list.addEventListener("keydown", (event) => {
    const all = buttons(), here = all.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    let next = here + (steps[event.key] ?? 0);
    if (event.key === "Home") next = 0;
    else if (event.key === "End") next = all.length - 1;
    else if (!(event.key in steps)) return;
    event.preventDefault();
    if (here < 0 || !all[next]) return;
    all[here].tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
  });
}

function download(name, text, kind) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const csvCell = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
const csv = (rows) => rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
