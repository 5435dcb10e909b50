// Puts the parts together: what the map shows, its legend, panels, theme, keys.
const shown = { column: columns[0], scale: "viridis" };
const darkness = matchMedia("(prefers-color-scheme: dark)");

function themeNow() {
  const wanted = document.documentElement.dataset.theme;
  return wanted === "auto" ? (darkness.matches ? "dark" : "light") : wanted;
}

const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function recolour() {
  const theme = themeNow(), [r, g, b] = rgbOf(styleOf("--map").slice(1));
  map.background = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  map.colours = shown.column ? coloursOf(shown.column, theme, shown.scale) : new Uint32Array(count).fill(theme === "dark" ? 0xfff0b96d : 0xff9c5a00);
  const { rows } = selection;
  map.layers = [null];
  if (rows.length) {
    const chosen = new Uint8Array(count), faint = map.colours.slice();
    for (const row of rows) chosen[row] = 1;
    for (let i = 0; i < count; i++) if (!chosen[i]) faint[i] = blend(map.background, faint[i], 38);
    map.colours = faint;
    map.layers = [Uint32Array.from(everyRow().filter((i) => !chosen[i])), Uint32Array.from(rows)];
  }
  map.ink(styleOf("--ink"), styleOf("--accent"));
  map.redraw();
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
    const [low, high] = boundsOf(column), strip = element("span", { class: "scale", role: "img", "aria-label": `Colour scale from ${numberText(low)} to ${numberText(high)}` });
    strip.style.background = `linear-gradient(to right, ${Array.from({ length: 15 }, (_, i) => cssOf(onScale(shown.scale, i / 14))).join(", ")})`;
    return place.replaceChildren(element("span", {}, column.title), element("span", {}, `≤ ${numberText(low)}`), strip, element("span", {}, `≥ ${numberText(high)}`), element("span", { class: "note" }, "1st to 99th percentile"));
  }
  const levels = levelsOf(column);
  const colours = column.kind === "binary" ? BINARY[themeNow()] : levelColours(levels, themeNow());
  const sizes = new Uint32Array(levels.length);
  for (let i = 0; i < count; i++) sizes[codeOf(column, i)] += 1;
  const chips = levels.slice(0, 24).map((level, code) => {
    const dot = element("span", { class: "swatch" });
    dot.style.background = cssOf(colours[code]);
    const chip = button("", () => selection.set(rowsOfLevel(column, code)), { title: `Select the images of ${level}` });
    chip.append(dot, `${level} (${wholeText(sizes[code])})`);
    return chip;
  });
  const rest = levels.length > chips.length ? element("span", { class: "note" }, `and ${wholeText(levels.length - chips.length)} more; colours repeat`) : null;
  place.replaceChildren(...[element("span", {}, column.title), ...chips, rest].filter(Boolean));
}

function openColours() {
  const choice = byId("colour-select"), names = { score: "Scores", cluster: "Clusters", label: "Labels", identity: "Identities", attribute: "Attributes" };
  for (const [group, label] of Object.entries(names)) {
    const members = columns.filter((column) => column.group === group);
    if (members.length) choice.append(element("optgroup", { label }, ...members.map((column) => option(column.name, column.title))));
  }
  choice.addEventListener("change", () => { shown.column = columnNamed.get(choice.value); recolour(); legend(); });
  byId("scale-select").addEventListener("change", (event) => { shown.scale = event.target.value; recolour(); legend(); });
}

function openMaps() {
  const choice = byId("map-select");
  choice.append(...maps.map((each, i) => option(i, each.title)));
  byId("map-choice").hidden = maps.length < 2;
  const note = () => { byId("map-note").textContent = `Map: ${map.shown.title}. ${map.shown.note}`; };
  choice.addEventListener("change", () => {
    map.show(maps[choice.value]);
    note();
    if (picked.row >= 0) { map.mark(picked.row, neighboursOf(picked.row)); showImage(); }
  });
  note();
}

function showTab(name) {
  if (name === "lists" && !byId("list-select")) openLists(); // decodes many thumbnails: not before they are wanted
  for (const each of ["image", "selection", "lists"]) {
    const tab = byId(`tab-${each}`), here = each === name;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    byId(`panel-${each}`).hidden = !here;
  }
}

function openTabs() {
  const names = ["image", "selection", "lists"];
  names.forEach((name, i) => {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => showTab(name));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = names[(i + step + names.length) % names.length];
      showTab(next);
      byId(`tab-${next}`).focus();
    });
  });
  byId("panel-selection").append(filterForm(), element("div", { id: "selected" }));
  showSelection();
  showImage();
}

function openTheme() {
  const renew = () => { recolour(); legend(); };
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
  byId("map").addEventListener("keydown", (event) => {
    const acts = {
      ArrowLeft: () => map.shift(-0.1, 0), ArrowRight: () => map.shift(0.1, 0), ArrowUp: () => map.shift(0, 0.1), ArrowDown: () => map.shift(0, -0.1),
      "+": () => map.zoom(1.25), "=": () => map.zoom(1.25), "-": () => map.zoom(0.8), 0: () => map.fit(),
      Enter: () => pick(map.nearest(...map.middle(), Math.hypot(...map.frame()))), Escape: () => selection.set([]),
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
  const parts = [several(count, "image"), several(scores.length, "score"), several(attributes.length, "attribute"), votes && ["human votes", several(votes.models.length, "model")].filter(Boolean).join(" and ")];
  byId("facts").textContent = parts.filter(Boolean).join(" · ");
  openColours();
  openMaps();
  openTheme();
  openTabs();
  openSearch();
  openMapControls();
  map.act = {
    tap: (row) => pick(row),
    hover,
    lasso: (rows, event) => { byId("filter").querySelector("details").open = false; selection.set(rows, event.modifiers?.shift ? "add" : "replace"); showTab("selection"); },
  };
  pointSize();
  recolour();
  legend();
  await map.open();
  map.ink(styleOf("--ink"), styleOf("--accent"));
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

// For the console and for tests: rows, ids and numbers as the page has them.
window.explorer = {
  map, study, columns, oddsRatios, meanScores, within: (x, y) => map.within(x, y),
  select: (ids) => selection.set(ids.map((id) => rowOf.get(id))), selected: () => selection.rows.map((row) => study.ids[row]),
  pick: (id) => pick(rowOf.get(id)), neighbours: (id) => neighboursOf(rowOf.get(id)).map((row) => study.ids[row]),
};
open();
