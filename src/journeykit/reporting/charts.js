// Shows the charts of a page in the colours of the reader's screen; on paper always in the light ones.
const screenIsDark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const page = document.documentElement;
const notStyle = new Set(["data", "datasets", "domain"]);

// A reader's own choice, if the page offers one, comes before what the screen is set to.
function isDark() {
  if (paper.matches) return false;
  return page.dataset.theme ? page.dataset.theme === "dark" : screenIsDark.matches;
}

function darkened(part, pairs) {
  if (Array.isArray(part)) return part.map((value) => darkened(value, pairs));
  if (part && typeof part === "object") {
    const entries = Object.entries(part);
    return Object.fromEntries(entries.map(([name, value]) => [name, notStyle.has(name) ? value : darkened(value, pairs)]));
  }
  return typeof part === "string" && Object.hasOwn(pairs, part) ? pairs[part] : part;
}

// As many names beside each other as the place of a chart is wide enough for.
function legendColumns(holder) {
  return Math.max(1, Math.floor(holder.clientWidth / 170));
}

async function show(holder, dark) {
  const spec = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
  const pairs = JSON.parse(document.getElementById("chart-colours").textContent);
  holder.columns = legendColumns(holder);
  spec.config.legend.columns = holder.columns;
  const tooltip = { theme: dark ? "dark" : "light" };
  const options = { mode: "vega-lite", renderer: "svg", actions: false, tooltip };
  holder.shown?.finalize();
  holder.shown = await vegaEmbed(holder, dark ? darkened(spec, pairs) : spec, options);
  holder.dataset.shown = dark ? "dark" : "light";
}

// One after the other, so that a chart that changes twice in a moment ends as it was asked for last.
function showNext(holder, dark) {
  holder.turn = (holder.turn ?? Promise.resolve())
    .then(() => show(holder, dark))
    .catch((error) => {
      console.error(error);
      holder.textContent = `This chart could not be drawn: ${error.message}`;
    });
}

function showAll(dark) {
  for (const holder of document.querySelectorAll("[data-chart]")) showNext(holder, dark);
}

// Charts go by the width of their place, which has none as long as it is folded away.
let waiting = false;
const widths = new ResizeObserver(() => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    dispatchEvent(new Event("resize"));
    const holders = document.querySelectorAll("[data-chart][data-shown]");
    for (const holder of holders) if (holder.columns !== legendColumns(holder)) showNext(holder, isDark());
  });
});

function start() {
  for (const holder of document.querySelectorAll("[data-chart]")) widths.observe(holder);
  showAll(isDark());
}

for (const asked of [screenIsDark, paper]) asked.addEventListener("change", () => showAll(isDark()));
new MutationObserver(() => showAll(isDark())).observe(page, { attributes: true, attributeFilter: ["data-theme"] });
addEventListener("beforeprint", () => showAll(false));
addEventListener("afterprint", () => showAll(isDark()));
if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
else start();
