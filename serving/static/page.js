// Makes the form quicker; everything works without it. The server renders every answer.
"use strict";

const AT_ONCE = 2;
const gate = document.getElementById("gate");
const answers = document.getElementById("answers");
// Where the application begins, whatever prefix a proxy has put before it.
const root = new URL("..", document.currentScript.src);
const words = gate ? JSON.parse(gate.dataset.words) : {};
document.documentElement.classList.add("js");

let running = 0;
let shown = 0;
const queue = [];

function rowOf(file, sentence) {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.append(Object.assign(document.createElement("a"), { textContent: file }));
  row.append(name, Object.assign(document.createElement("td"), { textContent: sentence, colSpan: 2 }));
  const cells = [file, "", "", "", "", "", sentence];
  row.dataset.csv = cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
  return row;
}

// A table of photos that were sent together, with a bar that tells how many are answered.
function batchOf(jobs) {
  const section = document.getElementById("batch").content.cloneNode(true).querySelector(".batch");
  const [title, table, link] = ["h2", "table", "[download]"].map((each) => section.querySelector(each));
  const bar = Object.assign(document.createElement("progress"), { max: jobs.length, value: 0 });
  const said = document.createElement("p");
  title.textContent = filled(words.several, jobs.length);
  title.id = `batch-${shown += 1}`;
  section.setAttribute("aria-labelledby", title.id);
  bar.setAttribute("aria-labelledby", title.id);
  said.setAttribute("role", "status");
  title.after(said, bar);
  table.tBodies[0].append(...jobs.map((job) => job.row));
  link.parentElement.hidden = true;
  const tell = () => {
    const done = jobs.filter((job) => job.done).length;
    bar.value = done;
    said.textContent = filled(words.progress, jobs.length).replace("{done}", done);
    if (done < jobs.length) return;
    bar.hidden = true;
    const lines = [table, ...table.tBodies[0].rows].map((each) => each.dataset.csv);
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(lines.join("\r\n"))}`;
    link.parentElement.hidden = false;
  };
  jobs.forEach((job) => { job.tell = tell; });
  tell();
  return section;
}

function answered(job, row) {
  job.row.replaceWith(row);
  job.row = row;
  job.plate.id = `photo-of-${shown += 1}`;
  row.querySelector("a").href = `#${job.plate.id}`;
  job.done = true;
  if (job.tell) job.tell();
}

function holderOf(html, address) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  // They are written as seen from where the answer came from, which may be another folder.
  holder.content.querySelectorAll("a").forEach((link) => {
    link.href = new URL(link.getAttribute("href"), address);
  });
  holder.content.querySelectorAll("form").forEach((form) => {
    form.action = new URL(form.getAttribute("action"), address);
  });
  return holder.content;
}

function filled(sentence, sent) {
  return sentence.replace("{sent}", sent);
}

function refusal(title, sentence, file) {
  const plate = document.createElement("article");
  plate.className = "plate refusal";
  plate.setAttribute("role", "alert");
  for (const [tag, text, kind] of [["h2", title, ""], ["p", sentence, ""], ["p", file, "quiet"]]) {
    const line = document.createElement(tag);
    line.textContent = text;
    line.className = kind;
    plate.append(line);
  }
  return plate;
}

function waiting(file, address) {
  const plate = document.createElement("article");
  plate.className = "plate waiting";
  plate.innerHTML = `<figure><div class="photo"><img alt=""></div><figcaption></figcaption></figure>
    <div class="verdict"><p class="eyebrow"></p><h2></h2></div>`;
  plate.querySelector(".eyebrow").textContent = words.moment;
  plate.querySelector("h2").textContent = words.looking;
  const image = plate.querySelector("img");
  image.src = address;
  image.addEventListener("load", () => {
    // As large as the answer will show it, so that nothing jumps.
    const scale = Math.min(640 / image.naturalWidth, 500 / image.naturalHeight);
    image.width = Math.round(image.naturalWidth * scale);
    image.height = Math.round(image.naturalHeight * scale);
  });
  // Some formats only the server can show.
  image.addEventListener("error", () => { image.hidden = true; });
  plate.querySelector("figcaption").textContent = file;
  return plate;
}

function prepare(plate) {
  const layer = plate.querySelector(".layer");
  const slider = plate.querySelector(".look input");
  plate.querySelectorAll(".look-switch, .look-label").forEach((item) => item.remove());
  if (layer && slider) {
    const show = () => { layer.style.opacity = slider.value / 100; };
    slider.addEventListener("input", show);
    show();
  }
  return plate;
}

async function ask(job) {
  let plate;
  let row;
  try {
    const response = await fetch(job.address, job.options);
    const content = holderOf(await response.text(), response.url);
    plate = content.querySelector(".plate");
    row = content.querySelector(".batch tbody tr");
    if (!plate) throw new Error("no plate");
    if (plate.matches(".refusal") && !plate.textContent.includes(job.file)) {
      plate.append(Object.assign(document.createElement("p"),
        { className: "quiet", textContent: job.file }));
    }
  } catch (error) {
    plate = refusal(words.none, words.unreachable, job.file);
  }
  plate.photo = job.options.body && job.options.body.get("photo");
  job.plate.replaceWith(prepare(plate));
  job.plate = plate;
  answered(job, row || rowOf(job.file, plate.querySelector("h2").textContent));
  URL.revokeObjectURL(job.preview);
}

function next() {
  while (running < AT_ONCE && queue.length) {
    running += 1;
    ask(queue.shift()).finally(() => { running -= 1; next(); });
  }
}

function add(job) {
  job.plate = waiting(job.file, job.preview);
  job.row = rowOf(job.file, "…");
  queue.push(job);
  return job;
}

function refused(file, title, sentence) {
  const job = { plate: refusal(title, sentence, file), row: rowOf(file, title) };
  answered(job, job.row);
  return job;
}

function show(jobs, ...plates) {
  const batch = jobs.length > 1 ? [batchOf(jobs)] : [];
  answers.prepend(...batch, ...jobs.map((job) => job.plate), ...plates);
  answers.scrollIntoView({ block: "start" });
  next();
}

function take(files) {
  const most = Number(gate.dataset.maxFiles);
  const address = new URL(gate.action);
  address.hash = "";
  address.searchParams.set("part", "answer");
  const jobs = Array.from(files).slice(0, most).map((file) => {
    // The rest of the form takes a little room too.
    if (file.size > Number(gate.dataset.maxBytes) - 4096) {
      return refused(file.name, words.big, filled(words.megabytes, Math.round(file.size / 1e6)));
    }
    const body = new FormData();
    body.append("photo", file, file.name || words.pasted);
    return add({
      file: file.name || words.pasted,
      preview: URL.createObjectURL(file),
      address,
      options: { method: "POST", body },
    });
  });
  const rest = files.length > most
    ? [refusal(words.street, filled(words.photos, files.length), "")] : [];
  if (jobs.length) show(jobs, ...rest);
}

function filesOf(transfer) {
  return Array.from(transfer ? transfer.files : []);
}

if (gate) {
  document.getElementById("api").textContent = new URL("api/v1/predict", root);
  gate.addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = "";
  });
  gate.addEventListener("submit", (event) => event.preventDefault());

  let depth = 0;
  const dragging = (on) => document.documentElement.classList.toggle("dragging", on);
  const holdsFiles = (event) => event.dataTransfer && event.dataTransfer.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (holdsFiles(event)) { depth += 1; dragging(true); }
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) dragging(false);
  });
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    depth = 0;
    dragging(false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    take(filesOf(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const files = filesOf(event.clipboardData).filter((file) => file.type.startsWith("image/"));
    if (files.length) take(files);
  });
  document.querySelectorAll("[data-sample]").forEach((link) => {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      const address = new URL(link.href);
      address.hash = "";
      address.searchParams.set("part", "answer");
      show([add({
        file: words.drawing, preview: link.querySelector("img").src, address, options: {},
      })]);
    });
  });
  answers.querySelectorAll(".plate").forEach(prepare);
} else {
  // No model yet: look again until there is one.
  setInterval(async () => {
    const response = await fetch(new URL("readyz", root)).catch(() => null);
    if (response && response.ok) location.reload();
  }, 3000);
}
