// The plan's windows of five hours: how far each was used, and what was billed beyond. Where nobody
// knows what a window holds, in dollars.
const HOUR = DAY / 24;
const windows = data.windows.map(([at, hours, percentage, sure, amounts, unpriced, hit, switches]) => {
  const start = moment(at);
  return {
    start,
    end: new Date(+start + hours * HOUR),
    percentage,
    sure: sure || !data.holds,
    amounts,
    unpriced,
    hit: hit && moment(hit),
    switches: switches.map(([when, biller]) => ({ at: moment(when), ...billers[biller] })),
  };
});

const share = (amount) => (data.holds ? (100 * amount) / data.holds : amount);
const planned = (item) => (data.holds ? item.percentage : item.amounts[0]);
const reach = (item) => planned(item) + sum(item.amounts.slice(1).map(share));
const midnight = (date) => Math.floor(date / DAY) * DAY;
const length = (width) => (width < 520 ? 5 : width < 860 ? 9 : 14) * DAY;
let latest = Infinity; // the end of what is shown

function percents(most) {
  const step = most > 250 ? 100 : 50;
  const last = Math.min(Math.max(Math.ceil(most / step) * step, 100), 600);
  return Array.from({ length: last / step + 1 }, (_, index) => index * step);
}

function drawWindows(width) {
  const first = midnight(windows[0].start);
  const last = midnight(windows.at(-1).end) + DAY;
  latest = Math.min(Math.max(latest, first + length(width)), last);
  const earliest = latest - length(width);
  turn(earliest <= first, latest >= last, earliest);

  const shown = windows.filter(({ start }) => start >= earliest && start < latest);
  const most = Math.max(...shown.map(reach), 0);
  const axis = data.holds ? percents(most) : ticks(most);
  const [left, top, height] = [52, 12, 250];
  const base = height - 26;
  const x = (at) => left + ((width - left) * (at - earliest)) / (latest - earliest);
  const y = (value) => base - (base - top) * Math.min(value / axis.at(-1), 1);
  const marks = axis.flatMap((value) => {
    const full = data.holds && value === 100;
    return [
      line(left, width, y(value), y(value), full ? "full" : value ? "grid" : "base"),
      words(
        left - 8,
        y(value) + 4,
        data.holds ? `${value}%` : tick(value),
        full ? "end alarm" : "end",
      ),
    ];
  });
  for (let day = earliest; day < latest; day += DAY) {
    const date = new Date(day);
    const name = `${weekday(date)} ${date.getUTCDate()}`;
    marks.push(words(x(day + DAY / 2), height - 6, name, "middle"));
    if (day > earliest) marks.push(line(x(day), x(day), base, base + 6, "base"));
  }
  const places = shown.map((item) => {
    const from = x(item.start) + 1;
    return {
      item,
      x: from,
      y: top,
      width: x(Math.min(item.end, latest)) - from - 1,
      height: base - top,
    };
  });
  marks.push(...places.flatMap((place) => pile(place, y)));
  marks.push(
    ...shown.flatMap((item) =>
      item.switches.map((each) => dot(x(each.at), y(planned(item)), 4, `switch ${each.kind}`)),
    ),
  );
  return { height, marks, places };
}

// What the plan carried, and what was billed on top of it.
function pile({ item, x, width }, y) {
  let low = planned(item);
  const plan = `mark subscription ${item.sure ? "" : "guess"}`;
  const marks = [rect(x, y(low), width, y(0) - y(low), plan, 1.5)];
  billers.slice(1).forEach(({ kind }, index) => {
    const high = low + share(item.amounts[index + 1]);
    if (high > low) marks.push(rect(x, y(high), width, y(low) - y(high) - 1, `mark ${kind}`, 1.5));
    low = high;
  });
  if (item.hit) marks.push(rect(x, y(planned(item)) - 1.5, width, 3, "struck"));
  return marks;
}

function turn(isFirst, isLast, earliest) {
  const [earlier, later] = document.querySelectorAll("#windows button");
  earlier.disabled = isFirst;
  later.disabled = isLast;
  const range = [new Date(earliest), new Date(latest - DAY)].map(short);
  document.querySelector("#windows output").value = range.join(" – ");
}

function percent({ percentage, sure }) {
  return percentage === null ? "?" : `${sure ? "" : "≈"}${Math.round(percentage)}%`;
}

function tellWindow(item) {
  const used = data.holds ? `${percent(item)}, ` : "";
  return {
    title: `${weekday(item.start)} ${short(item.start)}, ${clock(item.start)}–${clock(item.end)}`,
    rows: [
      ["subscription", "Plan", used + (item.unpriced[0] ? cells(item)[0] : dollars(item.amounts[0]))],
      ...paid(item, 1),
      ...(item.hit ? [["alarm", "Limit hit", clock(item.hit)]] : []),
      ...item.switches.map(({ at, name }) => ["", `To ${name}`, clock(at)]),
    ],
  };
}

function fiveHours() {
  const redraw = chart("windows", {
    draw: drawWindows,
    tell: tellWindow,
    table: () => [
      ["Window", "Used", ...names, "Limit hit", "Switches"],
      windows.map((item) => [
        `${long(item.start)} ${clock(item.start)}–${clock(item.end)}`,
        percent(item),
        ...cells(item),
        item.hit ? clock(item.hit) : "",
        item.switches.map(({ at, name }) => `${clock(at)} ${name}`).join(", "),
      ]),
    ],
  });
  const plot = document.querySelector("#windows .plot");
  for (const button of document.querySelectorAll("#windows button")) {
    button.addEventListener("click", () => {
      latest += Number(button.value) * length(plot.clientWidth);
      redraw();
    });
  }
}
