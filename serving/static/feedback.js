// "Not right?": sends the photo that the page still has, without leaving the page.
"use strict";

document.addEventListener("toggle", (event) => {
  const plate = event.target.matches(".feedback") && event.target.closest(".plate");
  // Nobody need choose again what the page still has.
  if (plate && plate.photo) plate.querySelector(".again")?.remove();
}, true);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const { photo } = form.closest(".plate") || {};
  if (!form.matches(".feedback form") || !photo) return;
  event.preventDefault();
  const body = new FormData(form);
  body.set("photo", photo, photo.name || "photo");
  const button = form.querySelector("button");
  button.disabled = true;
  form.querySelector(".plate")?.remove();
  let plate;
  try {
    const response = await fetch(`${form.action}${form.action.includes("?") ? "&" : "?"}part=answer`,
      { method: "POST", body });
    plate = holderOf(await response.text(), response.url).querySelector(".plate");
    if (!plate) throw new Error("no plate");
  } catch (error) {
    plate = refusal(words.none, words.unreachable, "");
  }
  button.disabled = false;
  if (plate.matches(".kept")) {
    const link = plate.querySelector("a");
    link.textContent = link.href;
    form.closest("details").replaceWith(plate);
  } else {
    form.append(plate);
  }
  plate.tabIndex = -1;
  plate.focus();
});
