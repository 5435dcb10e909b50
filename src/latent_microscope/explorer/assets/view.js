// What is shown, as the part of the address behind #, so that a view can be sent to a colleague.
const DEFAULT = { map: 0, colour: columns[0]?.name ?? null, scale: "viridis", tab: "image", contours: false, sort: ["", false] };
let remembered = location.hash, asked = null;

function viewNow() {
  const unit = map.unit(), zoom = map.wholeUnit / unit, { low, step } = map.shown.plane;
  const steps = map.middle().map((value, axis) => Math.round((value - low[axis]) / step));
  const now = {
    map: maps.indexOf(map.shown), colour: shown.column?.name ?? null, scale: shown.scale, tab: shown.tab, contours: density.on, sort: listing.sort,
    at: map.isWhole() ? null : [...steps, Number(zoom.toPrecision(5))],
    columns: listing.columns, picked: picked.row < 0 ? null : study.ids[picked.row],
    parts: selection.parts.length ? selection.parts : null,
    filters: selection.filters.size ? Object.fromEntries([...selection.filters].map(([name, { wanted }]) => [name, wanted])) : null,
  };
  return Object.fromEntries(Object.entries(now).filter(([key, value]) => value !== null && JSON.stringify(value) !== JSON.stringify(DEFAULT[key])));
}

// Written a moment after the last change, and without an entry in the browser's history.
function remember() {
  clearTimeout(asked);
  asked = setTimeout(writeView, 200);
}

function writeView() {
  if (!shown.ready) return;
  const now = viewNow();
  remembered = Object.keys(now).length ? `#${encodeURIComponent(JSON.stringify(now))}` : "";
  if (location.hash !== remembered) history.replaceState(null, "", remembered || location.pathname + location.search);
}

function known(text, things, what) {
  if (!things.includes(text)) throw new Error(`there is no ${what} “${text}”`);
  return text;
}

const numbers = (values, many) => {
  if (!Array.isArray(values) || values.length !== many || !values.every(Number.isFinite)) throw new Error("a place is no place");
  return values;
};

// Each part by itself: what this page does not have is told and left out.
const RESTORE = {
  map: (value) => showMap(known(value, maps.map((_, i) => i), "map")),
  colour: (value) => colourBy(known(value, columns.map(({ name }) => name), "column")),
  scale: (value) => { shown.scale = byId("scale-select").value = known(value, Object.keys(SCALES), "scale"); renew(); },
  contours: (value) => showContours(value === true),
  sort: ([name, down]) => { listing.sort = [known(name, ["", "id", ...columns.map((column) => column.name)], "column"), down === true]; },
  columns: (value) => { listing.columns = value.map((name) => known(name, columns.map((column) => column.name), "column")); },
  parts: (value) => { rowsTaken(value); selection.parts = value; selection.find(); },
  filters: (value) => Object.entries(value).forEach(([name, wanted]) => selection.filter(name, wanted)),
  picked: (value) => pick(knownRow(value)),
  at: (value) => {
    const [x, y, zoom] = numbers(value, 3), { low, step } = map.shown.plane;
    map.measure(); // legend and notes have their new height
    map.look(low[0] + step * x, low[1] + step * y, map.wholeUnit / Math.min(Math.max(zoom, 0.01), 1e5));
  },
  tab: (value) => showTab(known(value, TABS, "panel")),
};

function restore(hash) {
  if (hash.length < 2) return;
  const bad = [];
  try {
    const view = JSON.parse(decodeURIComponent(hash.slice(1)));
    if (typeof view !== "object" || view === null) throw new Error();
    for (const [key, act] of Object.entries(RESTORE)) {
      try {
        if (view[key] !== undefined) act(view[key]);
      } catch (problem) {
        bad.push(problem.message);
      }
    }
  } catch {
    bad.push("it is no view of an explorer");
  }
  if (bad.length) notice(`What follows # in the address does not fit this page (${bad.join("; ")}); that part is ignored.`);
}

// Another link put into the address of the open page.
function followLinks() {
  addEventListener("hashchange", () => {
    if (location.hash === remembered) return;
    notice("");
    selection.clear();
    map.fit();
    for (const [key, value] of Object.entries(DEFAULT)) if (value !== null) RESTORE[key](value);
    restore(location.hash);
  });
  byId("copy-link").addEventListener("click", async () => {
    writeView();
    try {
      await navigator.clipboard.writeText(location.href);
      say("The link is copied.");
      byId("copy-link").textContent = "Copied";
      setTimeout(() => { byId("copy-link").textContent = "Copy link"; }, 1500);
    } catch {
      notice("The browser does not let this page copy: copy the address; it holds the view behind its #.");
    }
  });
}
