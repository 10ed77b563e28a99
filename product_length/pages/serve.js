"use strict";
(() => {
  const form = document.getElementById("ask");
  const answer = document.getElementById("answer");
  const state = document.getElementById("state");
  const button = form.querySelector("button");
  let figures = [];
  let latest = 0;

  const filled = (selector, change) => Object.fromEntries(
    [...form.querySelectorAll(selector)]
      .filter((each) => each.value.trim() !== "")
      .map((each) => [Object.values(each.dataset)[0], change(each.value)]),
  );
  const productOf = () => {
    const product = filled("[data-field]", (text) => text);
    if (form.querySelector("[data-number]")) product.numbers = filled("[data-number]", Number);
    if (form.querySelector("[data-category]")) product.categories = filled("[data-category]", (text) => text);
    return product;
  };
  const drawAll = () => {
    for (const each of answer.querySelectorAll(".chart[data-figure]")) {
      window.pages.draw(each, figures[Number(each.dataset.figure)], Number(each.dataset.height));
    }
  };
  const refuse = (text) => {
    const said = document.createElement("p");
    said.className = "warning";
    said.textContent = text;
    answer.replaceChildren(said);
  };
  const inWords = (detail) => (typeof detail === "string"
    ? detail
    : detail.map((each) => `${each.loc.slice(1).join(".")}: ${each.msg}`).join("; "));
  const ask = async () => {
    const number = ++latest;
    button.disabled = true;
    state.textContent = "asking …";
    try {
      const reply = await fetch("page", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ product: productOf() }),
      });
      const said = await reply.json();
      if (number !== latest) return;
      if (!reply.ok) {
        refuse(inWords(said.detail));
      } else {
        await window.pages.ready;
        figures = said.figures;
        answer.innerHTML = said.html;
        drawAll();
      }
    } catch {
      refuse("The server does not answer; is it still running?");
    } finally {
      if (number === latest) {
        button.disabled = false;
        state.textContent = "";
      }
    }
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target.tagName === "TEXTAREA") {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
