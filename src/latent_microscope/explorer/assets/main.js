// Puts the parts together: what the map shows, its legend, panels, theme, keys.
const shown = { column: columns[0] ?? null, scale: "viridis", tab: "image", colours: null, theme: "light", ready: false };
const TABS = ["image", "filter", "gallery", "table", "compare", "lists"];
const PANELS = { image: showImage, filter: showFilters, gallery: showGallery, table: showTable, compare: showCompare, lists: openLists };
const waiting = new Set(TABS); // panels to be made again before they are shown
const darkness = matchMedia("(prefers-color-scheme: dark)");

function themeNow() {
  const wanted = document.documentElement.dataset.theme;
  return wanted === "auto" ? (darkness.matches ? "dark" : "light") : wanted;
}

const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Colours of all points; then of those that are not selected, faint.
function recolour() {
  shown.theme = themeNow();
  const { theme } = shown, [r, g, b] = rgbOf(styleOf("--map").slice(1));
  map.background = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  shown.colours = shown.column ? coloursOf(shown.column, theme, shown.scale) : new Uint32Array(count).fill(theme === "dark" ? 0xfff0b96d : 0xff9c5a00);
  map.ink(styleOf("--ink"), styleOf("--accent"));
  highlight();
}

function highlight() {
  const { rows, active } = selection;
  map.colours = shown.colours;
  map.layers = [null];
  if (active) {
    const front = Uint32Array.from(rows), chosen = new Uint8Array(count), back = new Uint32Array(count - front.length);
    map.colours = shown.colours.slice();
    for (const row of front) chosen[row] = 1;
    for (let i = 0, k = 0; i < count; i++) {
      if (chosen[i]) continue;
      map.colours[i] = blend(map.background, map.colours[i], 38);
      back[k++] = i;
    }
    map.layers = [back, front];
  }
  map.redraw();
}

// Another selection: the map, what stands above the panels, and the panels.
function changed() {
  highlight();
  showChosen();
  stale("filter", "gallery", "table", "compare");
}

function pointSize() {
  map.size = Number(byId("size").value) * Math.min(6, Math.max(2, 400 / Math.sqrt(count)));
  map.redraw();
}

function legend() {
  const { column } = shown, place = byId("legend");
  byId("scale-choice").hidden = column?.kind !== "number";
  if (!column) return place.replaceChildren();
  if (column.kind === "number") {
    const missing = count - sortedValues(column).length;
    const [low, high] = middleOf(column), digits = high > low ? digitsFor(low, high, (high - low) / 100) : 5, [from, to] = [low, high].map((end) => numberText(end, digits));
    const strip = element("span", { class: "scale", role: "img", "aria-label": `Colour scale from ${from} to ${to}` });
    strip.style.background = `linear-gradient(to right, ${Array.from({ length: 15 }, (_, i) => cssOf(onScale(shown.scale, i / 14))).join(", ")})`;
    return place.replaceChildren(element("span", {}, column.title), element("span", {}, `≤ ${from}`), strip, element("span", {}, `≥ ${to}`), element("span", { class: "note" }, `1st to 99th percentile${missing ? `; grey: no value (${wholeText(missing)})` : ""}`));
  }
  const levels = levelsOf(column), colours = levelColours(column, themeNow()), sizes = levelSizes(column), { own, rest } = colouredLevels(column);
  const sized = (codes) => wholeText(codes.reduce((sum, code) => sum + sizes[code], 0));
  const chip = (codes, text) => {
    const dot = element("span", { class: "swatch" }), names = codes.map((code) => levels[code]);
    dot.style.background = cssOf(colours[codes[0]]);
    const made = button("", () => selection.toggle(column, names), { title: `Select the ${study.noun}s of ${text}; again: no more` });
    made.append(dot, text);
    return made;
  };
  const others = rest.length ? [chip(rest, `other (${wholeText(rest.length)} levels, ${sized(rest)} ${study.noun}s)`), element("span", { class: "note" }, "the less frequent share one colour")] : [];
  place.replaceChildren(element("span", {}, column.title), ...own.map((code) => chip([code], `${levels[code]} (${sized([code])})`)), ...others);
}

function colourBy(name) {
  shown.column = byId("colour-select").value = name;
  shown.column = columnNamed.get(name);
  renew();
}

function renew() {
  recolour();
  legend();
  mapNote();
  remember();
}

function openColours() {
  const choice = byId("colour-select"), names = { score: "Scores", cluster: "Clusters", label: "Labels", identity: "Identities", attribute: "Attributes" };
  for (const [group, label] of Object.entries(names)) {
    const members = columns.filter((column) => column.group === group);
    if (members.length) choice.append(element("optgroup", { label }, ...members.map((column) => option(column.name, column.title))));
  }
  choice.addEventListener("change", () => colourBy(choice.value));
  choice.closest("label").hidden = !columns.length;
  byId("scale-select").addEventListener("change", (event) => { shown.scale = event.target.value; renew(); });
}

function openMaps() {
  const choice = byId("map-select");
  choice.append(...maps.map((each, i) => option(i, each.title)));
  byId("map-choice").hidden = maps.length < 2;
  choice.addEventListener("change", () => showMap(Number(choice.value)));
  showMap(0);
}

function showMap(number) {
  byId("map-select").value = String(number);
  if (map.shown !== maps[number]) map.show(maps[number]);
  mapNote();
  if (picked.row >= 0) { map.mark(picked.row, neighboursOf(picked.row)); stale("image"); }
}

function mapNote() {
  const column = density.on ? contoured() : null;
  const lines = column ? ` Contours: the densest half and 90 % of each group of “${column.title}”, its name at its centroid.` : density.on ? " Contours: the densest 25, 50, 75 and 95 % of all points." : "";
  byId("map-note").textContent = `Map: ${map.shown.title}. ${map.shown.note}${lines}`;
}

function showContours(on) {
  density.on = byId("contours").checked = on;
  mapNote();
  map.redraw();
}

function showTab(name) {
  shown.tab = name;
  for (const each of TABS) {
    const tab = byId(`tab-${each}`), here = each === name;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    byId(`panel-${each}`).hidden = !here;
  }
  if (waiting.delete(name)) attempt(PANELS[name]); // many thumbnails or counts: not before they are wanted
  remember();
}

function stale(...names) {
  for (const name of names) waiting.add(name);
  if (shown.ready && waiting.delete(shown.tab)) attempt(PANELS[shown.tab]);
  remember();
}

function openTabs() {
  TABS.forEach((name, i) => {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => showTab(name));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = TABS[(i + step + TABS.length) % TABS.length];
      showTab(next);
      byId(`tab-${next}`).focus();
    });
  });
  showTab("image");
}

function openTheme() {
  byId("theme").addEventListener("change", (event) => { document.documentElement.dataset.theme = event.target.value; renew(); });
  darkness.addEventListener("change", renew);
}

function openMapControls() {
  const mode = (lasso) => {
    map.mode(lasso);
    byId("mode-move").setAttribute("aria-pressed", String(!lasso));
    byId("mode-lasso").setAttribute("aria-pressed", String(lasso));
  };
  byId("mode-move").addEventListener("click", () => mode(false));
  byId("mode-lasso").addEventListener("click", () => mode(true));
  byId("zoom-in").addEventListener("click", () => map.zoom(1.4));
  byId("zoom-out").addEventListener("click", () => map.zoom(1 / 1.4));
  byId("zoom-fit").addEventListener("click", () => map.fit());
  byId("size").addEventListener("input", pointSize);
  byId("close-choice").hidden = !study.thumbnails;
  byId("close").addEventListener("change", (event) => { map.images = event.target.checked; map.redraw(); });
  byId("contours").addEventListener("change", (event) => showContours(event.target.checked));
  byId("map").addEventListener("keydown", (event) => {
    const acts = {
      ArrowLeft: () => map.shift(-0.1, 0), ArrowRight: () => map.shift(0.1, 0), ArrowUp: () => map.shift(0, 0.1), ArrowDown: () => map.shift(0, -0.1),
      "+": () => map.zoom(1.25), "=": () => map.zoom(1.25), "-": () => map.zoom(0.8), 0: () => map.fit(),
      Enter: () => pick(map.nearest(...map.middle(), Math.hypot(...map.frame()))), Escape: () => selection.clear(),
    };
    if (!(event.key in acts) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  });
}

// The pointer over an image: its thumbnail and its values.
let under = -1;
function hover(row, event) {
  const tip = byId("tooltip");
  if (row !== under) {
    under = row;
    tip.hidden = row < 0;
    if (row >= 0) {
      const lines = [shown.column, ...scores.slice(0, 4)].filter((column, i, all) => column && all.indexOf(column) === i);
      tip.replaceChildren(...[thumbnail(row, 96), element("strong", {}, study.ids[row]), ...lines.map((column) => element("div", {}, `${column.title}: ${textOf(column, row)}`))].filter(Boolean));
    }
  }
  if (row < 0) return;
  const [width, height] = map.frame();
  tip.style.left = `${event.sx + 16 + tip.offsetWidth > width ? Math.max(4, event.sx - 16 - tip.offsetWidth) : event.sx + 16}px`;
  tip.style.top = `${Math.max(4, Math.min(event.sy + 12, height - tip.offsetHeight - 4))}px`;
}

async function open() {
  const several = (number, name) => (number ? `${wholeText(number)} ${name}${number === 1 ? "" : "s"}` : null);
  const parts = [things(count), several(scores.length, "score"), several(attributes.length, "attribute"), votes && ["human votes", several(votes.models.length, "model")].filter(Boolean).join(" and ")];
  byId("facts").textContent = parts.filter(Boolean).join(" · ");
  map.act = {
    tap: (row) => pick(row),
    hover,
    lasso: ({ x, y }, event) => {
      selection.take(polygonOf(map.shown, x, y), event.modifiers?.shift ? "add" : "replace");
      if (shown.tab === "image" || shown.tab === "lists") showTab("compare");
    },
  };
  for (const part of [openColours, openTheme, openTabs, openSearch, openMapControls, pointSize, renew, showChosen]) attempt(part);
  await map.open();
  attempt(openMaps);
  map.ink(styleOf("--ink"), styleOf("--accent"));
  shown.ready = true;
  attempt(() => restore(location.hash));
  attempt(followLinks);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

// For the console and for tests: rows, ids and numbers as the page has them.
window.explorer = {
  map, study, columns, selection, oddsRatios, meanScores, restore, levelColours, passing, contours,
  select: (ids) => selection.take({ ids }), selected: () => selection.rows.map((row) => study.ids[row]),
  pick: (id) => pick(rowOf.get(id)), neighbours: (id) => neighboursOf(rowOf.get(id)).map((row) => study.ids[row]),
};
open();
