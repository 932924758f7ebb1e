"use strict";
// Sorting. Without this script the table stands in rank order, which is the useful one.
(() => {
  const table = document.querySelector("table.ranking");
  if (!table) return;
  const body = table.tBodies[0];
  const status = document.querySelector("[role=status]");
  const headers = [...table.tHead.rows[0].cells];
  const key = (row, index) => {
    const cell = row.cells[index];
    return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.textContent.trim();
  };
  const compare = (a, b) =>
    typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
  headers.forEach((header, index) => {
    const first = header.dataset.first;
    if (!first) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const now = header.getAttribute("aria-sort");
      const other = { ascending: "descending", descending: "ascending" };
      const order = now ? other[now] : first;
      const sign = order === "ascending" ? 1 : -1;
      headers.forEach((h) => h.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", order);
      const rows = [...body.rows];
      rows.sort((a, b) => sign * compare(key(a, index), key(b, index)));
      body.append(...rows);
      status.textContent = `Sorted by ${button.textContent.trim()}, ${order}.`;
    });
  });
})();
