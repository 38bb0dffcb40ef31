// Light and dark, and all charts.
const theme = document.documentElement.dataset;
const button = document.getElementById("theme");
const preferred = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (theme.theme ? theme.theme === "dark" : preferred.matches);
const paint = () => (button.lastElementChild.textContent = dark() ? "Light" : "Dark");

// A browser may refuse to remember.
function remembered(value) {
  try {
    if (value) localStorage.setItem("ccfb-theme", value);
    return localStorage.getItem("ccfb-theme");
  } catch {
    return value;
  }
}

theme.theme = remembered() ?? "";
button.hidden = false;
button.addEventListener("click", () => {
  theme.theme = dark() ? "light" : "dark";
  remembered(theme.theme);
  paint();
});
preferred.addEventListener("change", paint);
paint();

if (days.length) {
  costs();
  fiveHours();
  calendar();
} else {
  for (const section of document.querySelectorAll("section:has(.plot)")) section.hidden = true;
}
