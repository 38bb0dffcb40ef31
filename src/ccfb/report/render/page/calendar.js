// A calendar: the dearer a day, the stronger its colour; in several rows where weeks are many.
const costsOf = days.map(({ amounts }) => sum(amounts)).filter(Boolean);
const sorted = costsOf.sort((one, other) => one - other);
const quartiles = [0.25, 0.5, 0.75].map((part) => sorted[Math.floor(part * (sorted.length - 1))]);
const level = (amount) => amount && 1 + quartiles.filter((quartile) => amount > quartile).length;

function drawCalendar(width) {
  const before = sinceMonday(days[0].date);
  const weeks = Math.ceil((before + days.length) / 7);
  const [left, top] = [34, 18];
  const size = Math.max(14, Math.min(26, Math.floor((width - left) / weeks)));
  const columns = Math.floor((width - left) / size);
  const row = top + 7 * size + 10;
  const rows = Math.ceil(weeks / columns);
  const marks = Array.from({ length: rows }, (_, index) =>
    ["Mon", "Wed", "Fri"].map((name, place) =>
      words(0, index * row + top + (2 * place + 0.5) * size + 3, name),
    ),
  ).flat();
  const places = days.map((item, index) => {
    const week = Math.floor((index + before) / 7);
    const x = left + (week % columns) * size;
    const y = Math.floor(week / columns) * row + top;
    const down = ((index + before) % 7) * size;
    const begins = index ? item.date.getUTCDate() === 1 : item.date.getUTCDate() < 14;
    if (begins && x < width - 24) marks.push(words(x, y - 6, month(item.date)));
    const kind = `cell level-${level(sum(item.amounts))}`;
    marks.push(rect(x, y + down, size - 3, size - 3, kind, 3));
    if (paid(item, 1).length) {
      marks.push(dot(x + size - 6, y + down + 3.5, size > 18 ? 3.5 : 2.5, "paid"));
    }
    return { item, x: x - 1, y: y + down - 1, width: size - 1, height: size - 1 };
  });
  return { height: rows * row - 8, marks, places };
}

function calendar() {
  chart("calendar", {
    draw: drawCalendar,
    tell: (item) => tellDays(item),
    across: 7,
    ring: true,
    table: () => [
      ["Day", ...names, "Requests"],
      days.map((day) => [day.title, ...cells(day), count(day.requests)]),
    ],
  });
}
