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

// One line for what is no error: a link that does not fit.
function notice(text) {
  byId("notice").hidden = !text;
  byId("notice").textContent = text;
}

// A part of the page that fails leaves the others standing.
function attempt(act) {
  try {
    return act();
  } catch (problem) {
    window.tellTrouble(problem);
    console.error(problem);
    return null;
  }
}

// What a study lacks, and what makes it.
const LACKS = {
  images: study.noun === "image"
    ? "This page was made without thumbnails (explorer.thumbnail is 0 in the config)."
    : "The study has no images; a custom study takes them as data.images (step pack_images).",
  scores: "The study has no scores: step score_samples makes them of latents (data.embeddings, or data.images and a vae).",
  attributes: "The study has no binary attributes, hence no odds ratios; a custom study takes them as data.attributes (step encode_attributes).",
  columns: "The study has nothing to filter or to colour by: scores and clusters are made of latents (data.embeddings, or data.images and a vae), a custom study takes labels and attributes as data.labels and data.attributes (step join_samples).",
  neighbours: "No neighbours: the map is no space. They are found among latents (step find_neighbours) or the features or outputs of models.",
  lists: "The study has no scores and no lists: steps score_samples and rank_samples make them of latents (data.embeddings, or data.images and a vae).",
  models: "The study has no model with probabilities of these classes; a custom study takes logits or probabilities under models (step import_features).",
};
const lack = (what) => element("p", { class: "note lack" }, LACKS[what]);

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

const spaced = (name) => name.replaceAll("_", " ");
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

// Round numbers between two, about as many as wanted.
function ticksBetween(low, high, wanted) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// "1–48 of 200 images" with buttons to the pages before and after; go(page) shows another.
function pager(total, size, page, go) {
  const pages = Math.max(1, Math.ceil(total / size)), first = page * size;
  const text = total > size ? `${wholeText(first + 1)}–${wholeText(Math.min(first + size, total))} of ${things(total)}` : things(total);
  if (pages === 1) return element("p", { class: "note pager" }, text);
  const turn = (step, label, sign) => button(sign, () => go(page + step), { "aria-label": label, disabled: !(page + step in Array.from({ length: pages })) });
  return element("p", { class: "note pager" }, turn(-1, "Page before", "‹"), text, turn(1, "Page after", "›"));
}
