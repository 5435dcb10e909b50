// Elements contain text nodes only: whatever is in an id or a name is shown and never run.
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

// A table that is sorted by a click on a column head, also shown by aria-sort.
function table(caption, heads, rows, start) {
  const body = element("tbody"), cells = heads.map(() => null);
  let by = start, down = heads[start]?.down ?? false; // start null: in the order given
  const fill = () => {
    const order = [...rows];
    if (by !== null) order.sort((one, other) => {
      const { key } = heads[by];
      const [x, y] = [key(one), key(other)];
      if (typeof x === "string") return down ? y.localeCompare(x) : x.localeCompare(y);
      if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.isFinite(y) - Number.isFinite(x);
      return down ? y - x : x - y;
    });
    body.replaceChildren(...order.map((row) => element("tr", {}, ...heads.map(({ cell }, i) => (
      i === 0 ? element("th", { scope: "row" }, cell(row)) : element("td", {}, ...[cell(row)].flat()))))));
    cells.forEach((cell, i) => cell.setAttribute("aria-sort", i !== by ? "none" : down ? "descending" : "ascending"));
  };
  heads.forEach((head, i) => {
    const press = button(head.title, () => {
      down = i === by ? !down : head.down ?? false;
      by = i;
      fill();
    }, head.long ? { title: head.long } : {});
    cells[i] = element("th", { scope: "col" }, press);
  });
  fill();
  return element("table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...cells)), body);
}

// An odds ratio with its interval on a logarithmic axis from 1/8 to 8.
function forest({ estimate, low, high }) {
  const make = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const at = (value) => 33 + 31 * Math.min(Math.max(Math.log(value) / Math.log(8), -1), 1);
  const picture = make("svg", { class: "forest", viewBox: "0 0 66 14", "aria-hidden": "true" });
  picture.append(make("line", { class: "axis", x1: 33, x2: 33, y1: 0, y2: 14 }));
  if (Number.isFinite(estimate)) {
    picture.append(make("line", { class: "ci", x1: at(low), x2: at(high), y1: 7, y2: 7 }), make("circle", { cx: at(estimate), cy: 7, r: 2.8 }));
  }
  return picture;
}
