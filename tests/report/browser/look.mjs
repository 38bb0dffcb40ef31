// Looks at pages as people would, and prints what there was to see, as JSON.
//
//     node look.mjs PACKAGES PAGE.html ...
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { axe, launch } from "./browser.mjs";

const [folder, ...pages] = process.argv.slice(2);
const CHARTS = ["costs", "windows", "calendar"];
const SIZES = [
  [390, 844],
  [1440, 900],
];

async function open(browser, file, [width, height], colorScheme) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    hasTouch: true,
  });
  const page = await context.newPage();
  const seen = {
    page: basename(file, ".html"),
    width,
    scheme: colorScheme,
    said: [],
    requests: [],
    dialogs: 0,
  };
  page.on("console", (message) => seen.said.push(message.text()));
  page.on("pageerror", (error) => seen.said.push(String(error)));
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("dialog", (dialog) => dialog.dismiss(seen.dialogs++));
  await page.goto(pathToFileURL(file).href);
  return [page, seen];
}

// Not where tables have hundreds of rows: they take long, and are as the others.
async function faults(page) {
  if ((await page.locator("tr").count()) > 500) return [];
  await page.evaluate(axe(folder));
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations;
}

async function look(browser, file, size, scheme) {
  const [page, seen] = await open(browser, file, size, scheme);
  seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  seen.background = await page.evaluate(
    () => getComputedStyle(document.documentElement).backgroundColor,
  );
  seen.text = await page.locator("main").innerText();
  seen.marks = {};
  for (const id of CHARTS)
    seen.marks[id] = await page.locator(`#${id} .plot :is(.mark, .cell)`).count();
  seen.tables = {};
  seen.unknown = {};
  for (const id of CHARTS) {
    const summary = page.locator(`#${id} summary`);
    if (!(await summary.count())) continue;
    await summary.click();
    await page.locator(`#${id} details table`).waitFor();
    seen.tables[id] = await page.locator(`#${id} details tbody tr`).count();
    seen.unknown[id] = await page.locator(`#${id} details td`, { hasText: "?" }).count();
  }
  seen.violations = (await faults(page))
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`);
  seen.opened = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.context().close();
  return seen;
}

// What a hand does: pointer, tap, keys, and each control.
async function use(browser, file) {
  const [page, seen] = await open(browser, file, SIZES[1], "light");
  const tip = (id) => page.locator(`#${id} .tip`);
  const read = async (id) => ((await tip(id).isVisible()) ? tip(id).textContent() : "");
  const bars = () => page.locator("#costs .mark").count();
  const spoken = (id) => page.locator(`#${id} .plot`).getAttribute("aria-valuetext");
  seen.bars = {};
  for (const unit of ["Day", "Week", "Month"]) {
    await page.getByText(unit, { exact: true }).click();
    seen.bars[unit] = await bars();
  }
  await page.getByText("Billed", { exact: true }).first().click();
  seen.bars.Billed = await bars();
  seen.billed = [
    await page.locator("#costs .legend").innerText(),
    await page.locator("#costs .tip").textContent(),
  ];
  seen.plan = await page.locator("#costs .mark.subscription").count();

  seen.tips = {};
  for (const id of CHARTS) {
    const plot = page.locator(`#${id} .plot`);
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    const hidden = await tip(id).isHidden();
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.5);
    const hovered = await read(id);
    await page.mouse.move(1, 1);
    const left = await tip(id).isHidden();
    await page.touchscreen.tap(box.x + box.width * 0.3, box.y + box.height * 0.5);
    const tapped = await read(id);
    await plot.focus();
    await page.keyboard.press("End");
    const last = await spoken(id);
    await page.keyboard.press("ArrowLeft");
    const before = await spoken(id);
    const shown = await tip(id).isVisible();
    await page.keyboard.press("Escape");
    seen.tips[id] = {
      hidden,
      hovered,
      left,
      tapped,
      last,
      before,
      shown,
      escaped: await tip(id).isHidden(),
    };
  }

  await page.locator("#calendar summary").click();
  seen.first = await page.locator("#calendar tbody th").first().textContent();

  const range = () => page.locator("#windows output").textContent();
  seen.ranges = [await range()];
  await page.getByRole("button", { name: "Earlier" }).click();
  seen.ranges.push(await range());
  await page.getByRole("button", { name: "Later" }).click();
  seen.ranges.push(await range());
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForFunction(
    (before) => document.querySelector("#windows output").value !== before,
    seen.ranges[2],
  );
  seen.ranges.push(await range());
  await page.setViewportSize({ width: 1440, height: 900 });
  seen.latest = await page.getByRole("button", { name: "Later" }).isDisabled();

  const ground = () =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const theme = page.locator("#theme");
  seen.themes = [[await ground(), await theme.innerText()]];
  await theme.click();
  seen.themes.push([await ground(), await theme.innerText()]);
  await page.reload();
  seen.themes.push([await ground(), await theme.innerText()]);

  await page.emulateMedia({ media: "print" });
  seen.printed = [await ground(), await theme.isVisible()];
  await page.emulateMedia({ media: "screen" });
  seen.refused = await page.evaluate(async () => {
    const refused = new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) =>
        resolve(effectiveDirective),
      );
    });
    await fetch("http://127.0.0.1:9/").catch(() => {});
    return refused;
  });
  await page.context().close();
  return seen;
}

const browser = await launch(folder);
try {
  const seen = [];
  for (const file of pages) {
    const looks = SIZES.flatMap((size) =>
      ["light", "dark"].map((scheme) => look(browser, file, size, scheme)),
    );
    seen.push(...(await Promise.all(looks)));
  }
  console.log(JSON.stringify({ seen, used: await use(browser, pages[0]) }));
} finally {
  await browser.close();
}
