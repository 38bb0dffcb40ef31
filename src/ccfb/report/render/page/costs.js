// Cost over time, by who was billed.
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const billed = () => chosen("scope") === "billed";

// What a bar stands for: where it starts, and what it is called.
const UNITS = {
  day: [(date) => date, long],
  week: [
    (date) => new Date(date - sinceMonday(date) * DAY),
    (date) => `Week of ${short(date)} ${date.getUTCFullYear()}`,
  ],
  month: [
    (date) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth())),
    (date) => `${month(date)} ${date.getUTCFullYear()}`,
  ],
};

function spans() {
  const [start, name] = UNITS[chosen("unit")];
  const found = new Map();
  for (const day of days) {
    const date = start(day.date);
    const nothing = names.map(() => 0);
    const empty = { requests: 0, amounts: nothing, unpriced: nothing, hits: [] };
    const before = found.get(+date) ?? empty;
    found.set(+date, {
      date,
      title: name(date),
      requests: before.requests + day.requests,
      amounts: before.amounts.map((amount, who) => amount + day.amounts[who]),
      unpriced: before.unpriced.map((number, who) => number + day.unpriced[who]),
      hits: [...before.hits, ...day.hits],
    });
  }
  return [...found.values()];
}

function drawCosts(width) {
  const items = spans();
  const first = billed() ? 1 : 0;
  const [left, top, height] = [52, 10, width < 520 ? 230 : 280];
  const base = height - 32;
  const axis = ticks(Math.max(...items.map((item) => sum(item.amounts.slice(first)))));
  const y = (amount) => base - ((base - top) * amount) / axis.at(-1);
  const step = (width - left) / items.length;
  const wide = Math.min(34, step * (step > 5 ? 0.74 : 0.86));
  const marks = axis.flatMap((amount) => [
    line(left, width, y(amount), y(amount), amount ? "grid" : "base"),
    words(left - 8, y(amount) + 4, tick(amount), "end"),
  ]);
  let labelled = -Infinity;
  items.forEach((item, index) => {
    const x = left + step * (index + 0.5);
    let low = 0;
    billers.forEach(({ kind }, biller) => {
      const high = biller < first ? low : low + item.amounts[biller];
      const thick = y(low) - y(high);
      if (thick) marks.push(rect(x - wide / 2, y(high), wide, thick, `mark ${kind}`, wide / 6));
      low = high;
    });
    if (item.hits.length) {
      marks.push(shape("path", { d: `M${x} ${base + 3}l3.5 5.5h-7z`, class: "struck" }));
    }
    const label = below(items, index);
    if (label && x - labelled > 46 && x < width - 14) {
      marks.push(words(x, height - 6, label, "middle"));
      labelled = x;
    }
  });
  const places = items.map((item, index) => {
    return { item, x: left + step * index, y: top, width: step, height: base - top };
  });
  return { height, marks, places };
}

// What stands under a bar: its date where there is room, else where a month begins.
function below(items, index) {
  const { date } = items[index];
  const unit = chosen("unit");
  const first = !index || items[index - 1].date.getUTCMonth() !== date.getUTCMonth();
  if (unit === "month" && (!index || !date.getUTCMonth())) return UNITS.month[1](date);
  if (unit === "week" && items.length <= 16) return short(date);
  if (unit === "day" && items.length <= 35) return date.getUTCDay() === 1 ? short(date) : "";
  return first && (index || unit === "month") ? month(date) : "";
}

function costs() {
  const roomy = document.getElementById("costs").clientWidth > 600;
  const unit = days.length > (roomy ? 120 : 45) ? "week" : "day";
  document.querySelector(`input[name=unit][value=${unit}]`).checked = true;
  document.querySelector("fieldset:has([name=scope])").hidden = billers.length === 1;
  const redraw = chart("costs", {
    draw: drawCosts,
    tell: (item) => tellDays(item, billed()),
    table: () => [
      ["When", ...names, "Requests"],
      spans().map((item) => [item.title, ...cells(item), count(item.requests)]),
    ],
  });
  for (const input of document.querySelectorAll("#costs input")) {
    input.addEventListener("change", redraw);
  }
}
