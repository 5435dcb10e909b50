// Density contours: of each level of a category, with its name at its centroid, or of all points.
const SIDE = 160; // cells of the density's grid
const density = { on: false, made: new Map() };

// The category that the contours are of: the colours', else clusters, else labels; null: all points.
function contoured() {
  const fits = (column) => column?.kind === "category" && colouredLevels(column).own.length > 1;
  return [shown.column, ...columns.filter(({ group }) => group === "cluster"), ...columns.filter(({ group }) => group === "label")].find(fits) ?? null;
}

function contours() {
  const column = contoured(), key = `${maps.indexOf(map.shown)} ${column?.name ?? ""}`;
  if (!density.made.has(key)) density.made.set(key, column ? ofLevels(column) : [outline(everyRow(), [0.25, 0.5, 0.75, 0.95])]);
  return density.made.get(key);
}

function ofLevels(column) {
  const groups = levelsOf(column).map(() => []);
  for (let i = 0; i < count; i++) groups[codeOf(column, i)].push(i);
  return colouredLevels(column).own.filter((code) => !NO_COLOUR.has(levelsOf(column)[code]) && groups[code].length > 4)
    .map((code) => ({ ...outline(groups[code], [0.5, 0.9]), code, name: `${/^\d+$/.test(levelsOf(column)[code]) ? `${column.title.split(" ")[0]} ` : ""}${levelsOf(column)[code]}` }));
}

// Lines around the densest parts that hold these shares of the points, in the map's coordinates.
function outline(rows, shares) {
  const { xs, ys } = map.shown, [x0, x1] = ends(xs), [y0, y1] = ends(ys);
  const cell = (1.24 * Math.max(x1 - x0, y1 - y0) || 1) / SIDE, left = (x0 + x1) / 2 - (cell * SIDE) / 2, low = (y0 + y1) / 2 - (cell * SIDE) / 2;
  let grid = new Float32Array(SIDE * SIDE), x = 0, y = 0, squares = 0;
  for (const row of rows) {
    grid[Math.floor((ys[row] - low) / cell) * SIDE + Math.floor((xs[row] - left) / cell)] += 1;
    x += xs[row] / rows.length;
    y += ys[row] / rows.length;
  }
  for (const row of rows) squares += ((xs[row] - x) ** 2 + (ys[row] - y) ** 2) / (2 * rows.length);
  // Half of Scott's bandwidth, at most a fiftieth of the map: groups are seldom one round heap.
  const wide = Math.min(SIDE / 50, Math.max(1, (0.5 * Math.sqrt(squares) * rows.length ** (-1 / 6)) / cell));
  grid = smoothed(grid, wide);
  const sorted = grid.filter((value) => value > 1e-6).sort().reverse(), lines = [];
  for (const share of shares) {
    let sum = 0, k = 0;
    while (k < sorted.length - 1 && sum < share * rows.length) sum += sorted[k++];
    lines.push(...contour(grid, sorted[k]));
  }
  const path = new Path2D();
  for (const [ax, ay, bx, by] of lines) {
    path.moveTo(left + (ax + 0.5) * cell, low + (ay + 0.5) * cell);
    path.lineTo(left + (bx + 0.5) * cell, low + (by + 0.5) * cell);
  }
  return { path, x, y };
}

// By a Gaussian of this standard deviation in cells, along x and along y.
function smoothed(grid, wide) {
  const reach = Math.ceil(3 * wide), weights = Float32Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * wide * wide)));
  const total = weights.reduce((sum, each) => sum + each, 0);
  const along = (from, step, across) => {
    const made = new Float32Array(SIDE * SIDE);
    for (let line = 0; line < SIDE; line++) for (let i = 0; i < SIDE; i++) {
      const value = from[line * across + i * step];
      if (value) for (let k = Math.max(-reach, -i); k <= Math.min(reach, SIDE - 1 - i); k++) made[line * across + (i + k) * step] += (value * weights[k + reach]) / total;
    }
    return made;
  };
  return along(along(grid, 1, SIDE), SIDE, 1);
}

// Marching squares: pieces of the line at this height, in cells.
function contour(grid, height) {
  const lines = [];
  for (let r = 0; r < SIDE - 1; r++) for (let c = 0; c < SIDE - 1; c++) {
    const at = r * SIDE + c, corners = [[c, r, grid[at]], [c + 1, r, grid[at + 1]], [c + 1, r + 1, grid[at + SIDE + 1]], [c, r + 1, grid[at + SIDE]]];
    const cuts = [];
    for (let k = 0; k < 4; k++) {
      const [x, y, value] = corners[k], [x2, y2, next] = corners[(k + 1) % 4];
      if (value >= height === next >= height) continue;
      const share = (height - value) / (next - value);
      cuts.push([x + share * (x2 - x), y + share * (y2 - y)]);
    }
    for (let k = 0; k + 1 < cuts.length; k += 2) lines.push([...cuts[k], ...cuts[k + 1]]);
  }
  return lines;
}

function paintContours(context, view, left, top, width, height) {
  const scale = width / (view.x1 - view.x0), column = contoured(), own = column && column === shown.column;
  const colours = own ? levelColours(column, shown.theme) : null, ink = styleOf("--ink"), ground = styleOf("--map");
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  for (const { path, code } of contours()) {
    context.save();
    context.translate(left, top);
    context.scale(scale, -scale);
    context.translate(-view.x0, -view.y1);
    context.strokeStyle = own ? cssOf(colours[code]) : ink;
    context.lineWidth = 1.3 / scale;
    context.stroke(path);
    context.restore();
  }
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "center";
  context.lineJoin = "round";
  const written = [];
  for (const { name, x, y } of contours()) {
    if (!name) continue;
    const half = context.measureText(name).width / 2, place = [name, left + (x - view.x0) * scale, top + (view.y1 - y) * scale];
    const hidden = () => written.some(([mid, line, reach]) => Math.abs(mid - place[1]) < reach + half && Math.abs(line - place[2]) < 15);
    while (hidden()) place[2] += 4; // names beside each other, not upon each other
    written.push([place[1], place[2], half]);
    context.lineWidth = 4;
    context.strokeStyle = ground;
    context.strokeText(...place);
    context.fillStyle = ink;
    context.fillText(...place);
  }
  context.restore();
}
