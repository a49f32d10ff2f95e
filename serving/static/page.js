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
const queue = [];

function plateOf(html, address) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  // They are written as seen from where the answer came from, which may be another folder.
  holder.content.querySelectorAll("a").forEach((link) => {
    link.href = new URL(link.getAttribute("href"), address);
  });
  return holder.content.querySelector(".plate");
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
  try {
    const response = await fetch(job.address, job.options);
    plate = plateOf(await response.text(), response.url);
    if (!plate) throw new Error("no plate");
    if (plate.matches(".refusal") && !plate.textContent.includes(job.file)) {
      plate.append(Object.assign(document.createElement("p"),
        { className: "quiet", textContent: job.file }));
    }
  } catch (error) {
    plate = refusal(words.none, words.unreachable, job.file);
  }
  job.plate.replaceWith(prepare(plate));
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
  queue.push(job);
  return job.plate;
}

function show(plates) {
  answers.prepend(...plates);
  answers.scrollIntoView({ block: "start" });
  next();
}

function take(files) {
  const most = Number(gate.dataset.maxFiles);
  const address = new URL(gate.action);
  address.hash = "";
  address.searchParams.set("part", "answer");
  const plates = Array.from(files).slice(0, most).map((file) => {
    // The rest of the form takes a little room too.
    if (file.size > Number(gate.dataset.maxBytes) - 4096) {
      return refusal(words.big, filled(words.megabytes, Math.round(file.size / 1e6)), file.name);
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
  if (files.length > most) {
    plates.push(refusal(words.street, filled(words.photos, files.length), ""));
  }
  if (plates.length) show(plates);
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
