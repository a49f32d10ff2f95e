"use strict";

// Without this the forms work too: the browser then shows the bare answer.
for (const part of document.querySelectorAll(".scripted")) part.hidden = false;

for (const form of document.querySelectorAll(".api form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = new URL(form.action);
    for (const field of form.querySelectorAll("[data-name]")) {
      if (field.value) address.searchParams.set(field.dataset.name, field.value);
    }
    const photos = form.querySelector("[type=file]");
    const files = photos ? [...photos.files].map((file) => ` -F photo=@"${file.name}"`) : [];
    const answer = form.parentElement.querySelector(".answer");
    const [said, shown] = [answer.querySelector("code"), answer.querySelector("pre")];
    answer.hidden = false;
    said.textContent = "…";
    shown.textContent = "";
    try {
      const body = photos ? new FormData(form) : undefined;
      const response = await fetch(address, { method: form.method, body });
      said.textContent = `${response.status} ${response.headers.get("Content-Type")}`;
      const text = JSON.stringify(await response.json(), null, 2);
      shown.textContent = `curl${files.join("")} "${address}"\n\n${text}`;
    } catch {
      said.textContent = "The server gives no answer.";
    }
  });
}
