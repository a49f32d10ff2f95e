"use strict";
const main = document.getElementById("api");
SwaggerUIBundle({
  domNode: main,
  url: main.dataset.description,
  defaultModelsExpandDepth: 0,
  docExpansion: "full",
  tryItOutEnabled: true,
  validatorUrl: null,
});
