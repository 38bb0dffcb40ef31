// Pictures of a page's first screen, in light and dark.
//
//     node picture.mjs PACKAGES PAGE.html LIGHT.png DARK.png
import { pathToFileURL } from "node:url";
import { launch } from "./browser.mjs";

const [folder, file, ...pictures] = process.argv.slice(2);
const browser = await launch(folder);
try {
  for (const [index, path] of pictures.entries()) {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 1136 },
      colorScheme: ["light", "dark"][index],
    });
    await page.goto(pathToFileURL(file).href);
    await page.screenshot({ path });
    await page.close();
  }
} finally {
  await browser.close();
}
