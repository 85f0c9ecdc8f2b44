// The phones page: which phones are shown, and the live feed that keeps them up to date.

import { call } from "./api.js";
import { PhoneView } from "./phone.js";
import { showFaults, startPanel } from "./steer.js";

const MOST = 12;
const place = document.getElementById("phones");
const empty = document.getElementById("empty");
const search = document.getElementById("q");
const connection = document.getElementById("connection");
const only = new URLSearchParams(location.search).get("phone");
const views = new Map();

async function load() {
  const query = only ? { phone: only } : { q: search.value };
  const { data, total } = await call("GET", `/phones?${new URLSearchParams(query)}`);
  const wanted = new Set(data.map((one) => one.key));
  for (const [key, view] of views) if (!wanted.has(key)) remove(key, view);
  for (const one of data) show(one);
  inOrder(data.map((one) => views.get(one.key).element));
  showEmpty(total);
}

// Moving an element would take the focus from it, so a phone in use keeps them all in place.
function inOrder(elements) {
  if (place.contains(document.activeElement)) return;
  if (elements.some((element, index) => place.children[index] !== element)) place.append(...elements);
}

function show(conversation) {
  const view = views.get(conversation.key);
  if (view) {
    view.update(conversation);
    return;
  }
  const fresh = new PhoneView(conversation);
  views.set(conversation.key, fresh);
  place.append(fresh.element);
  fresh.toEnd();
}

function remove(key, view) {
  view.element.remove();
  views.delete(key);
}

// A phone that changed and is not shown yet takes the place of the one idle longest, but never of one in use.
function changed(conversation) {
  if (only && conversation.key !== only) return;
  if (!views.has(conversation.key) && search.value.trim() && !matches(conversation)) return;
  if (!views.has(conversation.key) && views.size >= MOST) {
    const idle = [...views.values()]
      .filter((view) => !view.element.contains(document.activeElement))
      .sort((a, b) => a.conversation.active_at - b.conversation.active_at)[0];
    if (!idle || idle.conversation.active_at > conversation.active_at) return;
    remove(idle.key, idle);
  }
  show(conversation);
  showEmpty(views.size);
}

function matches(conversation) {
  const { name, sender_name: bank, address, sender } = conversation;
  return `${name} ${address} ${sender} ${bank}`.toLowerCase().includes(search.value.trim().toLowerCase());
}

function showEmpty(total) {
  empty.hidden = views.size > 0;
  const searching = total > 0;
  document.getElementById("empty-title").textContent = searching ? "No phone matches" : "No phones yet";
  document.getElementById("empty-text").textContent = searching
    ? "Search for part of a person’s name, a bank’s name or an address."
    : "A phone appears when a person follows a page’s m.me link, or when a test creates one. Messages sent to it show up here at once.";
}

function listen() {
  const feed = new EventSource("/events");
  feed.addEventListener("open", () => {
    connection.textContent = "";
    connection.classList.add("visually-hidden");
    load().catch(() => {});
  });
  feed.addEventListener("phone", (event) => changed(JSON.parse(event.data)));
  feed.addEventListener("faults", () => showFaults().catch(() => {}));
  feed.addEventListener("error", () => {
    connection.textContent = "Connection lost. Trying again.";
    connection.classList.remove("visually-hidden");
  });
}

let typing;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(load, 150);
});
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
if (only) {
  place.classList.add("one");
  document.getElementById("search").hidden = true;
  document.getElementById("summary").replaceChildren();
  const all = Object.assign(document.createElement("a"), { href: "/", textContent: "Show all phones" });
  document.getElementById("summary").append("Only one phone is shown. ", all);
}
listen();
startPanel();
