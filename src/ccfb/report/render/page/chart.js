// What all charts have in common. Text is only ever text.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const node = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
const shape = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
const rect = (x, y, width, height, kind, rx = 0) =>
  shape("rect", { x, y, width: Math.max(width, 0), height: Math.max(height, 0), rx, class: kind });
const line = (x1, x2, y1, y2, kind) => shape("line", { x1, x2, y1, y2, class: kind });
const words = (x, y, text, kind = "") => shape("text", { x, y, class: kind }, text);
const dot = (cx, cy, r, kind) => shape("circle", { cx, cy, r, class: kind });

// Up to five round numbers on an axis.
function ticks(most) {
  const top = Math.max(most, 0.04);
  const power = 10 ** Math.floor(Math.log10(top / 4));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= top / 4);
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, index) => index * step);
}

function tick(amount) {
  if (amount >= 10_000) return `$${count(amount / 1000)}k`;
  return amount % 1 ? money.format(amount) : `$${count(amount)}`;
}

// A chart is one stop for the keyboard; arrows, a pointer or a tap choose a mark, which is told.
//
//     draw(width) -> { height, marks, places: [{ item, x, y, width, height }] }
//     tell(item) -> { title, rows: [[kind, name, value]] }
//     table() -> [heads, rows], the newest last
function chart(id, { draw, tell, table, across = 1, ring = false }) {
  const section = document.getElementById(id);
  const plot = section.querySelector(".plot");
  const tip = node("div", { class: "tip" });
  let places = [];
  let chosen = 0;
  let width = 0;

  function redraw() {
    width = plot.clientWidth;
    const drawn = draw(width);
    places = drawn.places;
    const size = { viewBox: `0 0 ${width} ${drawn.height}`, "aria-hidden": "true" };
    plot.replaceChildren(shape("svg", size, ...drawn.marks), tip);
    tip.hidden = true;
    plot.setAttribute("aria-valuemax", places.length);
    plot.setAttribute("aria-valuenow", 0);
    plot.setAttribute("aria-valuetext", "Nothing used");
    choose(places.length - 1);
  }

  function choose(index) {
    if (!places.length) return;
    chosen = Math.max(0, Math.min(places.length - 1, index));
    const { title, rows } = tell(places[chosen].item);
    const spoken = rows.map(([, name, value]) => `${name} ${value}`);
    plot.setAttribute("aria-valuenow", chosen + 1);
    plot.setAttribute("aria-valuetext", [title, ...spoken].join(", "));
    tip.replaceChildren(node("strong", {}, title), ...rows.map(entry));
  }

  function show() {
    if (!places.length) return;
    hide();
    const place = places[chosen];
    const kind = ring ? "ring" : "cursor";
    plot.firstChild.append(rect(place.x, place.y, place.width, place.height, kind, 2));
    tip.hidden = false;
    const right = place.x + place.width + 8;
    const left = place.x - tip.offsetWidth - 8;
    const beside = right + tip.offsetWidth <= width ? right : left;
    tip.style.left = `${Math.max(0, Math.min(beside, width - tip.offsetWidth))}px`;
    tip.style.top = `${ring ? place.y + place.height + 8 : 4}px`;
  }

  function hide() {
    plot.querySelector(".cursor, .ring")?.remove();
    tip.hidden = true;
  }

  function point(event) {
    const box = plot.getBoundingClientRect();
    choose(nearest(places, event.clientX - box.left, event.clientY - box.top));
    show();
  }

  const steps = {
    ArrowLeft: -across,
    ArrowRight: across,
    ArrowUp: -1,
    ArrowDown: 1,
    PageUp: -7 * across,
    PageDown: 7 * across,
    Home: -Infinity,
    End: Infinity,
  };
  function press(event) {
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(chosen + steps[event.key]);
    show();
  }

  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-labelledby", `${id}-title`);
  plot.setAttribute("aria-valuemin", 0);
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && show());
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", press);
  const resized = () => plot.clientWidth && plot.clientWidth !== width && redraw();
  new ResizeObserver(resized).observe(plot);

  const details = node("details", {}, node("summary", {}, "As a table"));
  details.addEventListener("toggle", () => {
    details.querySelector(".scroll")?.remove();
    if (details.open) details.append(tabular(`${id}-title`, ...table()));
  });
  section.append(details);
  redraw();
  return redraw;
}

function entry([kind, name, value]) {
  const alarm = kind === "alarm";
  const colour = kind && !alarm ? [node("i", { class: kind })] : [];
  return node("div", { class: alarm ? "alarm" : "" }, ...colour, name, node("b", {}, value));
}

function nearest(places, x, y) {
  const away = ({ x: left, y: top, width, height }) =>
    Math.max(left - x, x - left - width, 0) + Math.max(top - y, y - top - height, 0);
  const distances = places.map(away);
  return distances.indexOf(Math.min(...distances));
}

function tabular(title, heads, rows) {
  const column = (name, place) =>
    node("th", place ? { scope: "col", class: "number" } : { scope: "col" }, name);
  const value = (text, place) =>
    place ? node("td", { class: "number" }, text) : node("th", { scope: "row" }, text);
  return node(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": title },
    node(
      "table",
      {},
      node("thead", {}, node("tr", {}, ...heads.map(column))),
      node("tbody", {}, ...rows.reverse().map((row) => node("tr", {}, ...row.map(value)))),
    ),
  );
}
