// The dashboard's own script: charts, keys, and word from the journal. Pages work without it.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// As many digits as tell one tick from the next.
const digits = (step, least) => {
  let count = least;
  while (count < 6 && Math.abs(step * 10 ** count - Math.round(step * 10 ** count)) > 1e-6) count += 1;
  return count;
};

const units = {
  money: (value) => (value / 1e6).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 3 }) + " m",
  percent: (value, step = 0) => (value * 100).toFixed(digits(step * 100, 1)) + " %",
  number: (value, step = 0) => value.toFixed(digits(step, 2)),
};

// By itself uPlot draws a line that never moved on an axis from 0 to 100, and a single date on one of three years.
const range = (_, low, high) => {
  if (low == null) return [null, null];
  const room = Math.abs(low) * 0.1 || 0.01;
  return low < high ? uPlot.rangeNum(low, high, 0.1, true) : [low - room, high + room];
};
const span = (plot, first, last) => (plot.data[0].length > 1 ? [first, last] : [first - 4 * 86400, first + 4 * 86400]);

const day = (at) => new Date(at * 1000).toLocaleDateString("en", { day: "numeric", month: "short", timeZone: "UTC" });

// Ticks within a day all say the date; one is enough.
const days = (_, ticks) => ticks.map(day).map((text, at, all) => (text === all[at - 1] ? "" : text));

function draw(figure) {
  const place = figure.querySelector(".chart");
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const told = units[chart.unit];
  const inks = ["--ink-1", "--ink-2", "--ink-3", "--ink-4", "--ink-5", "--ink-6"].map(colour);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const options = {
    width: place.clientWidth,
    height: Math.min(260, Math.max(170, place.clientWidth / 3)),
    cursor: { y: false },
    legend: { live: true },
    scales: { x: { time: true, range: span }, y: { range } },
    axes: [{ ...axis, values: days }, { ...axis, size: 78, values: (_, ticks) => ticks.map((tick) => told(tick, ticks[1] - ticks[0])) }],
    series: [
      { label: "date", value: (_, at) => (at == null ? "–" : new Date(at * 1000).toISOString().slice(0, 10)) },
      ...chart.series.map((series, index) => ({
        label: series.name,
        stroke: inks[index % inks.length],
        width: 2,
        points: { show: chart.dates.length < 3 || series.values.includes(null) },
        value: (_, value) => (value == null ? "–" : told(value)),
      })),
    ],
  };
  place.replaceChildren();
  return new uPlot(options, [chart.dates, ...chart.series.map((series) => series.values)], place);
}

let charts = [];
function drawAll() {
  charts = [...document.querySelectorAll("figure")].map(draw);
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
});

let resized;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(drawAll, 150);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
drawAll();

// Word from the journal: something new was written, so the page is asked for again. A form that somebody fills in, or
// text that somebody has selected, is left alone.
new EventSource("/events").addEventListener("journal", () => {
  const busy = document.activeElement?.closest("form") || !getSelection().isCollapsed;
  if (!busy) document.body.dispatchEvent(new Event("journal"));
});
