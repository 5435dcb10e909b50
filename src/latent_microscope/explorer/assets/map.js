// The map: a plot of BokehJS (ranges, panning, wheel and pinch, lasso, events, rings and lines) whose
// points are a glyph of our own.
const { Plot, Range1d, PanTool, WheelZoomTool, LassoSelectTool, Scatter, Segment, ColumnDataSource, GlyphRenderer } =
  Object.fromEntries(
    ["Plot", "Range1d", "PanTool", "WheelZoomTool", "LassoSelectTool", "Scatter", "Segment", "ColumnDataSource", "GlyphRenderer"]
      .map((name) => [name, Bokeh.Models.get(name)]));
const THUMBNAILS_FROM = 250; // close up, as soon as no more images than these are in view, they are shown themselves

const map = {
  raster: new Raster(), shown: maps[0], colours: null, layers: [null], background: 0xffffffff, size: 1,
  picked: null, near: null, links: null, dragging: false, images: true,

  async open() {
    const [x, y] = [new Range1d({ start: 0, end: 1 }), new Range1d({ start: 0, end: 1 })];
    this.x = x;
    this.y = y;
    this.lasso = new LassoSelectTool({ continuous: false, renderers: [] }); // what is within is found here
    this.pan = new PanTool();
    this.wheel = new WheelZoomTool({ speed: 1 / 400 });
    this.plot = new Plot({
      x_range: x, y_range: y, sizing_mode: "stretch_both", min_border: 0, outline_line_color: null, toolbar_location: null,
      background_fill_color: null, border_fill_color: null, lod_threshold: null,
    });
    this.plot.toolbar.tools = [this.pan, this.wheel, this.lasso];
    this.plot.toolbar.active_drag = this.pan;
    this.plot.toolbar.active_scroll = this.wheel;
    this.points = this.glyph(new (pointsGlyph())({ x: 0, y: 0 }), { x: [0], y: [0] });
    this.links = this.glyph(new Segment({ x0: { field: "x0" }, y0: { field: "y0" }, x1: { field: "x1" }, y1: { field: "y1" }, line_width: 1.2, line_alpha: 0.75 }), { x0: [], y0: [], x1: [], y1: [] });
    this.near = this.ring(9, 1.6);
    this.picked = this.ring(16, 3);
    const page = new (Bokeh.require("document").Document)();
    page.add_root(this.plot);
    this.plot.subscribed_events = new Set(["tap", "mousemove", "mouseleave", "panstart", "panend", "selectiongeometry"]);
    page.on_event("tap", (_, event) => this.act.tap(this.nearest(event.x, event.y, 14)));
    page.on_event("mousemove", (_, event) => this.dragging || this.act.hover(this.nearest(event.x, event.y, 10), event));
    page.on_event("panstart", () => { this.dragging = true; this.act.hover(-1, null); });
    page.on_event("panend", () => { this.dragging = false; });
    page.on_event("mouseleave", () => this.act.hover(-1, null));
    page.on_event("selectiongeometry", (_, event) => event.final && this.act.lasso(event.geometry, event));
    const views = await Bokeh.embed.add_document_standalone(page, byId("plot"));
    this.view = [...views][0];
    paintEachFrame(this.view);
    this.view.canvas.events_el.removeAttribute("tabindex"); // the map around it takes the keys
    new ResizeObserver(() => this.reshape()).observe(byId("plot"));
    this.fit();
  },

  glyph(glyph, data) {
    const source = new ColumnDataSource({ data });
    this.plot.renderers = [...this.plot.renderers, new GlyphRenderer({ data_source: source, glyph })];
    return { source, glyph };
  },

  ring(size, width) {
    return this.glyph(new Scatter({ x: { field: "x" }, y: { field: "y" }, size, fill_color: null, line_width: width }), { x: [], y: [] });
  },

  // Width and height in pixels of the page, measured when they change: to ask costs a layout.
  frame() {
    this.extent ??= [Math.max(byId("plot").clientWidth, 50), Math.max(byId("plot").clientHeight, 50)];
    return this.extent;
  },

  look(x, y, unit) {
    const [width, height] = this.frame();
    this.width = width;
    this.x.setv({ start: x - (unit * width) / 2, end: x + (unit * width) / 2 });
    this.y.setv({ start: y - (unit * height) / 2, end: y + (unit * height) / 2 });
  },

  middle() {
    return [(this.x.start + this.x.end) / 2, (this.y.start + this.y.end) / 2];
  },

  // Of the map's coordinates to a pixel.
  unit() {
    return (this.x.end - this.x.start) / this.width;
  },

  // Another size of the window: the whole map stays whole, a part keeps its scale.
  reshape() {
    const unit = this.unit(), whole = this.isWhole();
    this.measure();
    if (whole) this.fit(); else this.look(...this.middle(), unit);
  },

  isWhole() {
    const { x, y } = this.whole;
    return Math.abs(this.unit() / this.wholeUnit - 1) < 1e-6 && Math.hypot(this.middle()[0] - x, this.middle()[1] - y) < 1e-6 * this.unit() * this.width;
  },

  // The view of the whole map in the window as it is now.
  measure() {
    this.extent = null;
    const [width, height] = this.frame(), { xs, ys } = this.shown;
    const [x0, x1, y0, y1] = [...ends(xs), ...ends(ys)];
    const above = 38; // pixels of the buttons over the map
    this.wholeUnit = (this.shown.k ? 1.06 : 1.2) * (Math.max((x1 - x0) / width, (y1 - y0) / Math.max(height - above, 50)) || 1 / width);
    this.whole = { x: (x0 + x1) / 2, y: (y0 + y1) / 2 + (above / 2) * this.wholeUnit };
  },

  fit() {
    this.measure();
    this.look(this.whole.x, this.whole.y, this.wholeUnit);
  },

  zoom(factor) {
    this.look(...this.middle(), this.unit() / factor);
  },

  shift(right, up) {
    const [x, y] = this.middle();
    this.look(x + right * (this.x.end - this.x.start), y + up * (this.y.end - this.y.start), this.unit());
  },

  show(shown) {
    this.shown = shown;
    this.grid = null;
    this.fit();
  },

  mode(lasso) {
    this.plot.toolbar.active_drag = lasso ? this.lasso : this.pan;
  },

  mark(row, others) {
    const { xs, ys } = this.shown, at = row < 0 ? [] : [row], around = row < 0 ? [] : others;
    this.picked.source.data = { x: at.map((i) => xs[i]), y: at.map((i) => ys[i]) };
    this.near.source.data = { x: around.map((i) => xs[i]), y: around.map((i) => ys[i]) };
    this.links.source.data = {
      x0: around.map(() => xs[row]), y0: around.map(() => ys[row]), x1: around.map((i) => xs[i]), y1: around.map((i) => ys[i]),
    };
  },

  ink(colour, accent) {
    this.lasso?.overlay.setv({ line_color: accent, line_width: 2, line_dash: [], fill_color: accent, fill_alpha: 0.12 });
    for (const { glyph } of [this.picked, this.near, this.links].filter(Boolean)) glyph.line_color = { value: colour };
  },

  redraw() {
    this.view?.request_repaint();
  },
};

function ends(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// BokehJS waits a sixtieth of a second from the end of one painting to the next and so misses every
// second frame of a screen; here it paints in each.
function paintEachFrame(view) {
  let asked = null;
  view.throttled_paint = () => {
    asked ??= new Promise((done) => requestAnimationFrame(() => {
      asked = null;
      if (!view.is_destroyed) view.repaint();
      done();
    }));
    return asked;
  };
}

// A glyph of one nominal point that paints all images of the study.
function pointsGlyph() {
  class PointsView extends Scatter.prototype.default_view {
    _paint(context) {
      const { left, top, width, height } = this.parent.plot_view.frame.bbox;
      paintPoints(context, left, top, width, height);
    }
    _mask_data() {
      return null;
    }
  }
  PointsView.prototype._mask_data = null; // painted wherever its nominal point lies
  class Points extends Scatter {}
  Points.prototype.default_view = PointsView;
  return Points;
}

function paintPoints(context, left, top, width, height) {
  if (width < 1 || height < 1) return; // not laid out yet
  const ratio = window.devicePixelRatio || 1, { xs, ys } = map.shown;
  const view = { x0: map.x.start, x1: map.x.end, y0: map.y.start, y1: map.y.end };
  const closer = Math.min(4, Math.sqrt(map.wholeUnit / ((view.x1 - view.x0) / width)));
  const size = Math.max(1, map.size * ratio * Math.max(1, closer));
  map.raster.paint({
    xs, ys, colours: map.colours, layers: map.layers, view, size, background: map.background,
    width: Math.round(width * ratio), height: Math.round(height * ratio),
  });
  context.drawImage(map.raster.canvas, left, top, width, height);
  if (study.thumbnails && map.images && (!map.shown.k || map.unit() < 0.6 * map.wholeUnit)) paintThumbnails(context, view, left, top, width, height);
  if (density.on) paintContours(context, view, left, top, width, height);
  remember();
}

function paintThumbnails(context, view, left, top, width, height) {
  const inside = [], { xs, ys } = map.shown;
  for (let i = 0; i < count; i++) {
    if (xs[i] > view.x0 && xs[i] < view.x1 && ys[i] > view.y0 && ys[i] < view.y1 && inside.push(i) > THUMBNAILS_FROM) return;
  }
  const side = Math.min(56, Math.max(22, 0.5 * Math.sqrt((width * height) / (inside.length + 1))));
  const longer = Math.max(study.thumbnails.width, study.thumbnails.height);
  const [w, h] = [(side * study.thumbnails.width) / longer, (side * study.thumbnails.height) / longer];
  for (const row of inside) {
    const x = left + ((xs[row] - view.x0) / (view.x1 - view.x0)) * width, y = top + ((view.y1 - ys[row]) / (view.y1 - view.y0)) * height;
    const colour = map.colours[row];
    context.fillStyle = cssOf([colour & 255, (colour >> 8) & 255, (colour >> 16) & 255]);
    context.fillRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4);
    drawThumbnail(context, row, x - w / 2, y - h / 2, w, h, () => map.redraw());
  }
}

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
function within({ xs, ys }, px, py) {
  const found = [], [x0, x1] = ends(px), [y0, y1] = ends(py);
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
}
