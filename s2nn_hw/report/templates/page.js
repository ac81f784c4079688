"use strict";
document.documentElement.classList.add("scripted");

// Tables: a click on a heading sorts by it, another one the other way; what is absent stays last.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      const number = cell.querySelector("[data-value]");
      if (!number) return cell.textContent.trim();
      return number.dataset.value === "" ? null : Number(number.dataset.value);
    };
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  });
}

// The network: the layer that is pointed at, focused or clicked shows its numbers.
const nodes = [...document.querySelectorAll("a.node")];
function choose(node) {
  for (const other of nodes) {
    const chosen = other === node;
    other.classList.toggle("chosen", chosen);
    document.querySelector(other.getAttribute("href")).classList.toggle("chosen", chosen);
  }
}
for (const node of nodes) {
  node.addEventListener("mouseenter", () => choose(node));
  node.addEventListener("focus", () => choose(node));
  node.addEventListener("click", (event) => { event.preventDefault(); choose(node); });
}
if (nodes.length) choose(nodes[0]);

// The timeline: wider or narrower, around the cycle in its middle.
for (const control of document.querySelectorAll("[data-zoom]")) {
  control.addEventListener("click", () => {
    const view = document.querySelector(".timeline .scroll");
    const track = view.querySelector(".track");
    const middle = (view.scrollLeft + view.clientWidth / 2) / track.clientWidth;
    const wide = Number(track.dataset.wide || 1) * Number(control.dataset.zoom);
    track.dataset.wide = Math.min(64, Math.max(1, wide));
    track.style.width = `${100 * track.dataset.wide}%`;
    view.scrollLeft = middle * track.clientWidth - view.clientWidth / 2;
  });
}

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
