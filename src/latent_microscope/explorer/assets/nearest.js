// Which image is under the pointer, and which are within a lasso.
map.nearest = function nearest(x, y, pixels) {
  this.grid ??= gridOf(this.shown);
  const reach = pixels * this.unit(), { xs, ys } = this.shown, { cells, side } = this.grid;
  const [c0, r0] = this.grid.cell(x - reach, y - reach), [c1, r1] = this.grid.cell(x + reach, y + reach);
  let best = -1, least = reach * reach;
  for (let r = r0; r <= r1; r++) {
    for (let c = c0; c <= c1; c++) {
      for (let k = cells.start[r * side + c]; k < cells.start[r * side + c + 1]; k++) {
        const i = cells.rows[k], away = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
        if (away < least) { least = away; best = i; }
      }
    }
  }
  return best;
};

// Rows sorted into square cells of the map, by counting.
function gridOf({ xs, ys }) {
  const side = Math.max(1, Math.min(512, Math.round(Math.sqrt(count / 4))));
  const [x0, x1] = ends(xs), [y0, y1] = ends(ys), step = (Math.max(x1 - x0, y1 - y0) || 1) / side;
  const clip = (value) => Math.min(Math.max(Math.floor(value), 0), side - 1);
  const cell = (x, y) => [clip((x - x0) / step), clip((y - y0) / step)];
  const start = new Uint32Array(side * side + 1), rows = new Uint32Array(count), at = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const [c, r] = cell(xs[i], ys[i]);
    at[i] = r * side + c;
    start[at[i] + 1] += 1;
  }
  for (let k = 0; k < side * side; k++) start[k + 1] += start[k];
  const next = start.slice();
  for (let i = 0; i < count; i++) rows[next[at[i]]++] = i;
  return { side, cell, cells: { start, rows } };
}

// Rows within a polygon (even-odd rule).
map.within = function within(px, py) {
  const { xs, ys } = this.shown, found = [], [x0, x1] = ends(px), [y0, y1] = ends(py);
  for (let i = 0; i < count; i++) {
    const x = xs[i], y = ys[i];
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    let inside = false;
    for (let j = 0, k = px.length - 1; j < px.length; k = j++) {
      if (py[j] > y !== py[k] > y && x < ((px[k] - px[j]) * (y - py[j])) / (py[k] - py[j]) + px[j]) inside = !inside;
    }
    if (inside) found.push(i);
  }
  return found;
};
