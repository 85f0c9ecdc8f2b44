// The panel beside the phones: faults in force, a form for new ones, and figures.

import { call, make } from "./api.js";

const byId = (id) => document.getElementById(id);
const WORDS = {
  none: "behaves, with changes", timeout: "never answers", error: "answers with an error",
  rate_limit: "limits the rate", blocked: "says the person blocked the page", down: "is down",
};
const NUMBERS = ["count", "latency_ms", "code", "subcode", "status"];
const FLAGS = ["duplicate_webhooks", "shuffle_webhooks", "drop_receipts", "drop_echoes"];

export async function showFaults() {
  const { data } = await call("GET", "/faults");
  const items = data.map((fault) => make("li", {}, describe(fault)));
  byId("faults-now").replaceChildren(...(items.length ? items : [make("li", {}, "None: the platform behaves.")]));
}

function describe(fault) {
  const parts = [`Messenger ${WORDS[fault.mode]}`];
  if (fault.sender) parts.push(`for page ${fault.sender}`);
  if (fault.code) parts.push(`code ${fault.code}${fault.subcode ? `/${fault.subcode}` : ""}`);
  if (fault.status) parts.push(`HTTP ${fault.status}`);
  if (fault.latency_ms) parts.push(`after ${fault.latency_ms} ms`);
  if (fault.count) parts.push(`${fault.count} more`);
  for (const flag of FLAGS) if (fault[flag]) parts.push(flag.replace("_", " "));
  if (fault.mode === "timeout" && !fault.accepted) parts.push("message lost");
  return parts.join(", ");
}

async function putFault(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { channel: "messenger", mode: form.get("mode"), sender: form.get("sender") };
  for (const name of NUMBERS) if (form.get(name)) body[name] = Number(form.get(name));
  for (const name of FLAGS) if (form.get(name)) body[name] = true;
  if (form.get("lost")) body.accepted = false;
  await say(() => call("POST", "/faults", body), "In force.");
}

async function say(action, done) {
  try {
    await action();
    byId("fault-result").textContent = done;
  } catch (problem) {
    byId("fault-result").textContent = problem.message;
  }
  await showFaults();
}

export async function showFigures() {
  const stats = await call("GET", "/stats");
  const ms = (value) => (value === null ? "–" : `${value} ms`);
  const rows = [
    ["Sends", stats.sends.total],
    ...Object.entries(stats.sends.outcomes).map(([outcome, count]) => [
      outcome === "accepted" ? "Accepted" : `Refused: ${outcome}`, count,
    ]),
    ["Answered in, median", ms(stats.sends.latency_ms.p50)],
    ["Answered in, 95 of 100", ms(stats.sends.latency_ms.p95)],
    ["Webhooks acknowledged", stats.webhooks.posted || 0],
    ["Webhooks failed", stats.webhooks.failed || 0],
    ["Webhook answer, median", ms(stats.webhooks.latency_ms.p50)],
    ["Phones", stats.phones],
    ["Messages held", stats.messages],
  ];
  byId("figures").replaceChildren(
    ...rows.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, String(value)))),
  );
}

async function showPages() {
  const { data } = await call("GET", "/pages");
  const chosen = byId("fault-sender").value;
  const options = data.map((page) => make("option", { value: page.id }, page.name));
  byId("fault-sender").replaceChildren(make("option", { value: "" }, "all pages"), ...options);
  byId("fault-sender").value = chosen;
}

export function startPanel() {
  byId("fault-form").addEventListener("submit", putFault);
  byId("clear-faults").addEventListener("click", () =>
    say(async () => {
      for (const channel of ["messenger", "bank"]) await call("POST", "/faults", { channel, mode: "none" });
    }, "Cleared."));
  byId("reset-stats").addEventListener("click", async () => {
    await call("DELETE", "/stats");
    await showFigures();
  });
  byId("fault-sender").addEventListener("focus", showPages);
  const refresh = () => {
    if (!document.hidden) showFigures().catch(() => {});
  };
  showPages().catch(() => {});
  showFaults().catch(() => {});
  refresh();
  setInterval(refresh, 2000);
}
