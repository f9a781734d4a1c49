// A cross-hair over every plot: the values of the day under the pointer. Without scripts the sheet is complete all the same.
const { dates, plots } = JSON.parse(document.getElementById("data").textContent);
const shown = {
  percent: (v) => (v * 100).toFixed(2) + " %",
  times: (v) => v.toFixed(2) + " ×",
  value: (v) => v.toFixed(4),
  money: (v) => Math.round(v).toLocaleString("en-US"),
};
for (const frame of document.querySelectorAll(".frame[data-plot]")) {
  const { format, series } = plots[frame.dataset.plot];
  const cross = frame.appendChild(Object.assign(document.createElement("div"), { className: "cross" }));
  const tip = frame.appendChild(Object.assign(document.createElement("div"), { className: "tip" }));
  const hide = () => { cross.style.opacity = tip.style.opacity = 0; };
  const show = (event) => {
    const box = frame.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const day = Math.round(share * (dates.length - 1));
    const at = dates.length > 1 ? day / (dates.length - 1) : 0;
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: dates[day] }));
    for (const [name, values] of series) {
      if (values[day] === null) continue;
      tip.append(document.createElement("br"), `${name} ${shown[format](values[day])}`);
    }
    cross.style.left = at * 100 + "%";
    cross.style.opacity = 0.6;
    tip.style.opacity = 1;
    const left = at * box.width;
    tip.style.left = (left + tip.offsetWidth + 12 > box.width ? left - tip.offsetWidth - 10 : left + 10) + "px";
  };
  frame.addEventListener("pointermove", show);
  frame.addEventListener("pointerdown", show);
  frame.addEventListener("pointerleave", hide);
}
