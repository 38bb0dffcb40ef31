// What is told, in numbers and words.
const data = JSON.parse(document.getElementById("data").textContent);
const DAY = 86_400_000;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const WEEKDAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");

// Times are the user's own already, so that they are read and told as if they were UTC.
const moment = (stamp) => new Date(`${stamp}Z`);
const month = (date) => MONTHS[date.getUTCMonth()];
const weekday = (date) => WEEKDAYS[date.getUTCDay()];
const short = (date) => `${date.getUTCDate()} ${month(date)}`;
const long = (date) => `${weekday(date)} ${short(date)} ${date.getUTCFullYear()}`;
const clock = (date) => date.toISOString().slice(11, 16);
const sinceMonday = (date) => (date.getUTCDay() + 6) % 7;

const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const dollars = (amount) => (amount > 0 && amount < 0.005 ? "<$0.01" : money.format(amount));
const cell = (amount, unpriced) =>
  [amount && dollars(amount), unpriced && "?"].filter(Boolean).join(" + ") || "–";
const cells = ({ amounts, unpriced }) => amounts.map((each, who) => cell(each, unpriced[who]));
const count = (number) => number.toLocaleString("en-US");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// Names of who was billed, and their colours, in the order of all amounts.
const billers = data.billers.map(([name, kind]) => ({ name, kind }));
const names = billers.map(({ name }) => name);
const days = data.days.map(([date, requests, amounts, unpriced, hits]) => {
  const start = moment(`${date}T00:00`);
  return { date: start, title: long(start), requests, amounts, unpriced, hits };
});

// What is told of a mark: a colour or none, a name, and a value.
function paid(item, from = 0) {
  const told = cells(item);
  const rows = billers.map(({ name, kind }, who) => [kind, name, told[who]]);
  return rows.filter(([, , value], who) => who >= from && value !== "–");
}

function tellDays({ title, requests, hits, ...item }, billed = false) {
  const rows = paid(item, billed ? 1 : 0);
  if (!rows.length) rows.push(["", billed ? "Nothing billed" : "Nothing used", ""]);
  if (requests && !billed) rows.push(["", "Requests", count(requests)]);
  if (hits.length > 2) rows.push(["alarm", "Limits struck", count(hits.length)]);
  else if (hits.length) rows.push(["alarm", "Limit struck", hits.join(", ")]);
  return { title, rows };
}
