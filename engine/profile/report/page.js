"use strict";
// An error shows in the page itself, so that a test can see it.
addEventListener("error", (e) => { document.documentElement.dataset.error = e.message; });

// A click on a column's head sorts by it: figures fall first, text rises first.
function sort(table, column) {
  const head = table.tHead.rows[0].cells[column];
  const key = (row) => row.cells[column].dataset.sort ?? "";
  const rows = [...table.tBodies[0].rows];
  const figures = rows.every((row) => key(row) === "" || Number.isFinite(Number(key(row))));
  const before = head.getAttribute("aria-sort");
  const rising = before ? before === "descending" : !figures;
  const order = rising ? 1 : -1;
  rows.sort((a, b) => order * (figures ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b), "en", { numeric: true })));
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  table.tBodies[0].append(...rows);
}

// The filter shows the rows that hold its text, or fit it as a regular expression.
function filter(input) {
  const text = input.value.toLowerCase();
  let fits = (s) => s.toLowerCase().includes(text);
  try {
    const expression = new RegExp(input.value, "i");
    fits = (s) => expression.test(s);
  } catch { /* not a regular expression yet */ }
  const details = input.closest("details");
  const rows = [...details.querySelector("tbody").rows];
  for (const row of rows) row.hidden = ![...row.cells].some((cell) => fits(cell.textContent));
  const shown = rows.filter((row) => !row.hidden).length;
  details.querySelector("output").textContent = text ? `${shown} of ${rows.length} rows` : "";
}

for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead button").forEach((button, column) => button.addEventListener("click", () => sort(table, column)));
}
for (const input of document.querySelectorAll("input.filter")) input.addEventListener("input", () => filter(input));

document.getElementById("download").addEventListener("click", (e) => {
  const profile = JSON.parse(document.getElementById("profile").textContent);
  const file = new Blob([JSON.stringify(profile, null, 2)], { type: "application/json" });
  e.currentTarget.href = URL.createObjectURL(file);
});
document.documentElement.dataset.ready = "yes";
