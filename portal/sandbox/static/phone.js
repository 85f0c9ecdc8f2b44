// One phone: a frame that is built once and brought up to date as its conversation changes.

import { call, make } from "./api.js";

const STATUS = { sent: "✓ Sent", delivered: "✓✓ Delivered", read: "✓✓ Read" };
let nextId = 1;

export class PhoneView {
  constructor(conversation) {
    this.key = conversation.key;
    this.bubbles = new Map();
    this.id = `phone-${nextId++}`;
    this.build();
    this.update(conversation);
    this.toEnd();
  }

  build() {
    this.title = make("h2", { id: this.id });
    this.owner = make("p");
    this.avatar = make("span", { class: "avatar", "aria-hidden": "true" });
    this.marks = make("p", { class: "marks" });
    this.nothing = make("p", { class: "nothing" }, "No messages yet");
    this.list = make("ol");
    this.log = make("div", { class: "log", role: "log", tabindex: "0", focus: () => this.look() }, this.nothing, this.list);
    this.input = make("input", { id: `${this.id}-text`, autocomplete: "off", maxlength: "1999" });
    this.error = make("p", { class: "error", role: "alert", hidden: true });
    this.label = make("label", { class: "visually-hidden", for: `${this.id}-text` });
    const composer = make(
      "form", { class: "composer", submit: (event) => this.write(event) },
      this.label, this.input, make("button", {}, "Send"),
    );
    this.element = make(
      "article", { class: "phone", "aria-labelledby": this.id },
      make("div", { class: "head" },
        make("header", {}, this.avatar, make("div", { class: "who" }, this.title, this.owner)), this.marks),
      this.log, composer, this.buildOptions(),
    );
  }

  buildOptions() {
    const toggle = (name, text) => {
      const box = make("input", { type: "checkbox", change: () => this.change({ [name]: box.checked }) });
      this[name] = box;
      return make("label", { class: "check" }, box, text);
    };
    this.address = make("p", { class: "quiet numbers" });
    this.only = make("a", {}, "Show only this phone");
    return make(
      "details", { class: "options", toggle: () => this.toEnd() }, make("summary", {}, "Options"), this.error,
      toggle("auto_read", "Reads messages by itself"),
      toggle("window_open", "24-hour window is open"),
      toggle("blocked", "Has blocked the bank"),
      this.address, make("p", {}, this.only),
    );
  }

  update(conversation) {
    this.conversation = conversation;
    const { name, sender_name: bank } = conversation;
    this.title.textContent = bank;
    this.owner.textContent = `${name}’s phone`;
    this.avatar.textContent = (bank.trim()[0] || "?").toUpperCase();
    this.log.setAttribute("aria-label", `Chat of ${name} with ${bank}`);
    this.label.textContent = `Write to ${bank} as ${name}`;
    this.input.placeholder = `Write as ${name}`;
    this.address.textContent = `Address ${conversation.address}, page ${conversation.sender}`;
    this.only.href = `/?phone=${encodeURIComponent(conversation.key)}`;
    for (const flag of ["auto_read", "window_open", "blocked"]) this[flag].checked = conversation[flag];
    this.showMarks();
    this.showMessages(conversation.messages);
  }

  showMarks() {
    const { linked, blocked, window_open: open } = this.conversation;
    this.marks.replaceChildren(
      make("span", { class: linked ? "mark good" : "mark" }, linked ? "● Linked" : "○ Not linked"),
      make("span", { class: open ? "mark" : "mark wait" }, open ? "◷ Window open" : "◷ Window closed"),
      ...(blocked ? [make("span", { class: "mark bad" }, "⊘ Bank blocked")] : []),
    );
  }

  showMessages(messages) {
    this.nothing.hidden = messages.length > 0;
    this.list.hidden = messages.length === 0;
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    for (const message of messages) {
      const known = this.bubbles.get(message.id);
      if (known) this.showStatus(known, message);
      else this.addBubble(message);
    }
    while (this.bubbles.size > 80) {
      const [oldest] = this.bubbles.keys();
      this.bubbles.get(oldest).element.remove();
      this.bubbles.delete(oldest);
    }
    if (atEnd) this.toEnd();
  }

  addBubble(message) {
    const at = new Date(message.at);
    const time = make("time", { datetime: message.at, title: at.toLocaleString() });
    time.textContent = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const status = make("span");
    const speaker = message.mine ? this.conversation.name : this.conversation.sender_name;
    const element = make(
      "li", { class: message.mine ? "bubble mine" : "bubble" },
      make("div", { class: "text" }, make("span", { class: "visually-hidden" }, `${speaker}: `), message.text),
    );
    if (message.buttons.length) element.append(this.taps(message, message.buttons, "taps"));
    if (message.quick_replies.length) element.append(this.taps(message, message.quick_replies, "taps replies"));
    element.append(make("div", { class: "meta numbers" }, time, " ", status));
    this.list.append(element);
    const bubble = { element, status };
    this.bubbles.set(message.id, bubble);
    this.showStatus(bubble, message);
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  showStatus(bubble, message) {
    if (message.mine || bubble.shown === message.status) return;
    bubble.shown = message.status;
    bubble.status.textContent = STATUS[message.status] || "";
    bubble.status.className = message.status;
  }

  taps(message, buttons, kind) {
    const place = make("div", { class: kind });
    for (const button of buttons) place.append(this.tap(message, button));
    return place;
  }

  // Links open in a new tab; a link that starts account linking goes through the sandbox, which adds its token.
  tap(message, button) {
    const { sender, address, channel } = this.conversation;
    if (button.type === "account_link") {
      const query = new URLSearchParams({ channel, sender, address, button: button.title, message_id: message.id });
      return this.link(`/inbox/open?${query}`, button.title);
    }
    if (button.type === "web_url") return this.link(button.url, button.title);
    if (button.type === "phone_number") return make("a", { class: "button", href: `tel:${button.payload}` }, button.title);
    const press = () => this.act("press", { button: button.title, message_id: message.id });
    return make("button", { type: "button", click: press }, button.title);
  }

  link(href, title) {
    const note = make("span", { class: "visually-hidden" }, " (opens in a new tab)");
    return make("a", { class: "button", href, target: "_blank", rel: "noopener" }, title, note);
  }

  async act(action, fields) {
    const { channel, sender, address } = this.conversation;
    this.error.hidden = true;
    try {
      await call("POST", `/inbox/${action}`, { channel, sender, address, ...fields });
      return true;
    } catch (problem) {
      this.error.textContent = problem.message;
      this.error.hidden = false;
      this.element.querySelector("details").open = true;
      return false;
    }
  }

  async write(event) {
    event.preventDefault();
    const text = this.input.value;
    if (text.trim() && (await this.act("reply", { text }))) this.input.value = "";
  }

  look() {
    if (!this.conversation.auto_read && this.conversation.messages.some((m) => !m.mine && m.status !== "read")) {
      this.act("read", {});
    }
  }

  async change(fields) {
    const { sender, address } = this.conversation;
    await call("PUT", `/people/${encodeURIComponent(address)}`, { page_id: sender, ...fields });
  }
}
