// A browser of its own for each run: no sandbox, no network of its own, nothing kept.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

export async function launch(folder) {
  const { chromium } = createRequire(`${folder}/`)("playwright-core");
  return chromium.launch({
    executablePath: `${folder}/browser/chromium`,
    env: { ...process.env, LD_LIBRARY_PATH: `${folder}/browser/al2023/lib` },
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

export const axe = (folder) =>
  readFileSync(createRequire(`${folder}/`).resolve("axe-core/axe.min.js"), "utf8");
