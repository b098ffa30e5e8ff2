"use strict";
const form = document.querySelector("form");
const place = (name) => form.querySelector(`[data-fault="${CSS.escape(name)}"]`) ?? form.querySelector('[data-fault=""]');

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  form.querySelectorAll("[data-fault]").forEach((fault) => { fault.textContent = ""; });
  form.querySelectorAll("input").forEach((input) => input.removeAttribute("aria-invalid"));
  try {
    const body = { ...Object.fromEntries(new FormData(form)), token: form.dataset.token };
    const answer = await fetch(form.dataset.action, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      form.hidden = true;
      document.querySelector(".done").hidden = false;
      return;
    }
    const problem = await answer.json();
    for (const fault of problem.errors ?? []) {
      const name = fault.pointer.slice(1);
      place(name).textContent = fault.detail;
      form.elements.namedItem(name)?.setAttribute("aria-invalid", "true");
    }
    if (!problem.errors?.length) place("").textContent = problem.detail;
  } catch (error) {
    place("").textContent = String(error);
  } finally {
    button.disabled = false;
  }
});
