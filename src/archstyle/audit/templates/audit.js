"use strict";
// Collects decisions as rows of data/corrections.csv; they stay in this browser until the page is
// made again with the rows in it.
const known = JSON.parse(document.getElementById("known").textContent);
const bar = document.getElementById("rows");
const suspects = [...document.querySelectorAll(".suspect")];
const STORE = "archstyle audit";

const cell = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const line = (row) => row.map(cell).join(",") + "\n";
const part = (suspect) => ({
  chosen: suspect.querySelector("input[type=radio]:checked"),
  style: suspect.querySelector("select"),
  reason: suspect.querySelector("input[type=text]"),
});

function rowOf(suspect) {
  const { chosen, style, reason } = part(suspect);
  if (!chosen || !reason.value.trim()) return null;
  const { sha256, phash, file } = suspect.dataset;
  const styles = { keep: chosen.dataset.style, relabel: style.value, drop: "" };
  return [sha256, phash, chosen.value, styles[chosen.value], reason.value.trim(), file];
}

function remember() {
  const kept = {};
  for (const suspect of suspects) {
    const { chosen, style, reason } = part(suspect);
    if (chosen || reason.value) {
      kept[suspect.dataset.sha256] = [chosen?.value, style.value, reason.value];
    }
  }
  try { localStorage.setItem(STORE, JSON.stringify(kept)); } catch { /* a page from a file may not */ }
}

function recall() {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(STORE)) ?? {}; } catch { /* nothing is kept */ }
  for (const suspect of suspects) {
    if (!(suspect.dataset.sha256 in kept)) continue;
    const [action, style, reason] = kept[suspect.dataset.sha256];
    const fields = part(suspect);
    const radio = [...suspect.querySelectorAll("input[type=radio]")].find((r) => r.value === action);
    if (radio) radio.checked = true;
    if ([...fields.style.options].some((option) => option.value === style)) fields.style.value = style;
    fields.reason.value = reason;
  }
}

function update() {
  let unexplained = 0;
  for (const suspect of suspects) {
    const { chosen, reason } = part(suspect);
    const missing = Boolean(chosen) && !reason.value.trim();
    reason.classList.toggle("missing", missing);
    suspect.classList.toggle("done", Boolean(chosen) && !missing);
    unexplained += missing;
  }
  const rows = suspects.map(rowOf).filter(Boolean);
  bar.hidden = !rows.length && !unexplained;
  const say = [`${rows.length} new ${rows.length === 1 ? "decision" : "decisions"}`];
  if (unexplained) say.push(`${unexplained} without a reason`);
  bar.querySelector("p").textContent = say.join(", ")
    + ". They go into data/corrections.csv; `make run` applies them.";
  bar.querySelector("#copy").disabled = !rows.length;
  bar.dataset.rows = rows.map(line).join("");
  const all = [known.columns, ...known.rows, ...rows].map(line).join("");
  const link = bar.querySelector("#download");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([all], { type: "text/csv" }));
}

document.addEventListener("input", (event) => {
  const suspect = event.target.closest(".suspect");
  if (!suspect) return;
  if (event.target.matches("select")) suspect.querySelector("input[value=relabel]").checked = true;
  remember();
  update();
});
bar.querySelector("#copy").addEventListener("click", async (event) => {
  await navigator.clipboard.writeText(bar.dataset.rows);
  event.target.textContent = "Copied";
  setTimeout(() => { event.target.textContent = "Copy rows"; }, 2000);
});
recall();
update();
