// Tables that are sorted by a click on a head; sorting is also said, and shown by aria-sort.
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
