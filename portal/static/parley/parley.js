// What a page can do without, done better with a script. No page needs this file.

const language = document.documentElement.lang;
const region = language === "en" ? "en-GB" : language;
const local = new Intl.DateTimeFormat(region, { dateStyle: "long", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(region, { timeStyle: "medium" });
const [copy, copied] = { es: ["Copiar", "Copiado"] }[language] ?? ["Copy", "Copied"];

function improve(part) {
  // Times of the server, shown in the reader's own time zone; the exact one stays in the title.
  for (const time of part.querySelectorAll("time[data-local]")) {
    time.textContent = (time.dataset.local ? clock : local).format(new Date(time.dateTime));
  }
  // The first time, quiet hours are proposed for where the reader is.
  for (const zone of part.querySelectorAll("select[data-own-zone]")) {
    zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone.value) zone.value = "UTC";
  }
  for (const block of part.querySelectorAll("pre:not(:has(.copy))")) block.append(copyButton(block));
}

function copyButton(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = copy;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = copied;
    setTimeout(() => { button.textContent = copy; }, 2000);
  });
  return button;
}

improve(document);
document.addEventListener("htmx:load", (event) => improve(event.detail.elt));

// allauth tells of a passkey that was not used (cancelled, or refused by the device) by this event only.
document.addEventListener("allauth.error", (event) => {
  const problem = document.querySelector("[data-passkey-problem]");
  if (!problem) return;
  event.preventDefault();
  problem.hidden = false;
  problem.focus();
});
