// Unpacks the browser and its libraries into TMPDIR.
import { createRequire } from "node:module";

const [folder] = process.argv.slice(2);
const chromium = createRequire(`${folder}/`)("@sparticuz/chromium");
await chromium.executablePath();
