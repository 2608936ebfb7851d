// The phone: pick or create a customer, and chat with the business as on WhatsApp.

import { api, dialog, h, icon, iconButton, menu, toast } from "./dom.js";
import { bubble, excerpt } from "./bubbles.js";
import { Lab } from "./lab.js";
import { clock, day, language, setLanguage, t } from "./texts.js";

const app = document.getElementById("app");
const QUICK_REACTIONS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

const world = { numbers: [], people: new Map(), threads: new Map(), number: null };
/** The open chat. */
let chat = null;
const lab = new Lab(document.getElementById("lab"), restart);

const key = (number, person) => `${number}/${person}`;
const failed = (error) => toast(t("failed", error.message));
const done = () => toast(t("done"));

// ── Loading and news ─────────────────────────────────────────────────────────────────────────────────────────────────

async function load() {
  const [state, all] = await Promise.all([api.get("/state"), api.get("/people")]);
  world.numbers = state.numbers;
  const asked = new URLSearchParams(location.search).get("number");
  world.number ??= (state.numbers.find((n) => n.phone_number_id === asked) ?? state.numbers[0])?.phone_number_id;
  world.people = new Map(all.people.map((p) => [p.id, p]));
  world.threads = new Map(all.threads.map((s) => [key(s.phone_number_id, s.person), s]));
  lab.show(state);
  return all.seq;
}

function listen(seq) {
  const stream = new EventSource(`/_sim/events?after=${seq}`);
  const on = (kind, act) => stream.addEventListener(kind, (e) => act(JSON.parse(e.data)));
  on("person", (person) => {
    world.people.set(person.id, person);
    if (chat?.person.id === person.id) { chat.person = person; drawHeader(); }
    drawPeople();
  });
  on("number", (number) => {
    if (world.numbers.every((n) => n.phone_number_id !== number.phone_number_id)) world.numbers.push(number);
    drawPeople(true);
  });
  on("message", (message) => {
    const id = key(message.phone_number_id, message.person);
    const known = world.threads.get(id) ?? { phone_number_id: message.phone_number_id, person: message.person, unread: 0 };
    if (!known.last || message.at >= known.last.at) known.last = message;
    world.threads.set(id, known);
    const open = chat && chat.number === message.phone_number_id && chat.person.id === message.person;
    if (open) {
      const at = chat.messages.findIndex((m) => m.id === message.id);
      if (at < 0) chat.messages.push(message); else chat.messages[at] = message;
      if (!message.from_customer) chat.typing = 0;
      drawThread();
      readIfSeen();
    }
    if (!message.from_customer) known.unread = open && document.visibilityState === "visible" ? 0 : known.unread + (message.status === "delivered" ? 1 : 0);
    drawPeople();
  });
  on("typing", (typing) => {
    if (typing.by !== "business" || !chat || chat.person.id !== typing.person || chat.number !== typing.phone_number_id) return;
    chat.typing = typing.until;
    drawHeader();
    setTimeout(drawHeader, Math.max(0, typing.until - Date.now()) + 50);
  });
  on("faults", (faults) => lab.faults(faults));
  on("traffic", (traffic) => lab.traffic(traffic));
  on("webhook", (hook) => lab.webhook(hook));
  on("reload", restart);
}

async function restart() {
  await load();
  document.documentElement.lang = language;
  document.title = `Ronda · ${t("title")}`;
  drawPeople(true);
  if (chat) await open(chat.person.id, chat.number); else drawStage();
}

/** The business learns that its messages were read only while the chat is on the screen. */
function readIfSeen() {
  if (!chat || document.visibilityState !== "visible" || chat.person.simulated) return;
  if (!chat.messages.some((m) => !m.from_customer && m.status === "delivered")) return;
  const summary = world.threads.get(key(chat.number, chat.person.id));
  if (summary) summary.unread = 0;
  api.post(`/people/${chat.person.id}/read`, { phone_number_id: chat.number }).catch(() => {});
}
document.addEventListener("visibilitychange", readIfSeen);

// ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────────

let wanted = "";
let drawing = false;

function avatar(person) {
  const letters = person.name.replace(/[^\p{L} ]/gu, "").split(" ").filter(Boolean).slice(0, 2).map((w) => w[0]).join("").toUpperCase();
  const hue = [...person.id].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 8;
  return h("span", { class: `avatar hue-${hue}`, "aria-hidden": "true" }, letters || icon("contact"));
}

const pretty = (id) => `+${id.replace(/^(54)(9)(11)(\d{4})(\d{4})$/, "$1 $2 $3 $4-$5").replace(/^(55)(\d\d)(\d{5})(\d{4})$/, "$1 $2 $3-$4")}`;

function drawPeople(whole = false) {
  const place = document.getElementById("people");
  if (whole || !place.firstChild) {
    const languages = ["es", "en", "pt"].map((code) => h("button", { type: "button", "aria-pressed": String(code === language),
      onclick: () => { setLanguage(code); restart(); } }, code.toUpperCase()));
    place.replaceChildren(
      h("header", { class: "brand" }, h("img", { src: "/assets/icon.svg", alt: "", width: 32, height: 32 }),
        h("div", { class: "brand-text" }, h("h1", {}, t("title")), h("p", {}, t("simulatedHint"))),
        iconButton("flask", t("lab"), () => app.toggleAttribute("data-lab"), { class: "icon-button lab-toggle" })),
      h("div", { class: "people-tools" },
        h("label", { class: "search" }, icon("search"), h("input", { type: "search", placeholder: t("search"), "aria-label": t("search"), value: wanted,
          oninput: (e) => { wanted = e.target.value.toLowerCase(); drawPeople(); } })),
        h("button", { type: "button", class: "primary", onclick: createPerson }, icon("plus"), t("create"))),
      h("ul", { class: "people-list", id: "people-list", "aria-label": t("people") }),
      h("footer", { class: "people-foot" }, numberChoice(), h("div", { class: "segments", role: "group", "aria-label": t("language") }, languages)));
    whole = true;
  }
  if (drawing && !whole) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawRows(); });
}

function numberChoice() {
  if (world.numbers.length < 2) return h("span", { class: "foot-number" }, world.numbers[0]?.display_phone ?? "");
  return h("select", { "aria-label": t("number"), onchange: (e) => { world.number = e.target.value; drawRows(); if (chat) open(chat.person.id); } },
    world.numbers.map((n) => h("option", { value: n.phone_number_id, selected: n.phone_number_id === world.number }, `${n.verified_name} · ${n.display_phone}`)));
}

function drawRows() {
  const list = document.getElementById("people-list");
  if (!list) return;
  const rows = [...world.people.values()].map((person) => ({ person, thread: world.threads.get(key(world.number, person.id)) }))
    .filter(({ person }) => !wanted || person.name.toLowerCase().includes(wanted) || person.id.includes(wanted.replace(/\D/g, "") || "-"))
    .sort((a, b) => (b.thread?.last.at ?? b.person.created_at) - (a.thread?.last.at ?? a.person.created_at)).slice(0, 150);
  if (!rows.length) {
    list.replaceChildren(h("li", { class: "empty" }, h("strong", {}, wanted ? t("notFound") : t("nobody")), wanted ? "" : h("span", {}, t("nobodyHint"))));
    return;
  }
  list.replaceChildren(...rows.map(({ person, thread }) => {
    const last = thread?.last;
    const here = chat?.person.id === person.id;
    return h("li", {}, h("button", { type: "button", class: "person", "aria-current": here ? "true" : undefined, onclick: () => open(person.id) },
      avatar(person),
      h("span", { class: "person-text" },
        h("span", { class: "person-line" }, h("strong", {}, person.name), last && h("time", {}, clock(last.at))),
        h("span", { class: "person-line" }, h("span", { class: "person-last" }, last ? [last.from_customer ? ticks(last) : "", excerpt(last)] : pretty(person.id)),
          thread?.unread ? h("span", { class: "unread" }, String(thread.unread)) : person.simulated ? h("span", { class: "tag" }, t("simulated")) : ""))));
  }));
}

function createPerson() {
  const field = (name, label, hint, extra = {}) => h("label", { class: "field" }, h("span", {}, label), h("input", { name, autocomplete: "off", ...extra }), hint && h("small", {}, hint));
  const form = h("form", { method: "dialog", class: "form", onsubmit: async (e) => {
    e.preventDefault();
    const data = Object.fromEntries(new FormData(form));
    try {
      const person = await api.post("/people", { name: data.name, phone: data.phone || undefined, username: data.username || undefined,
        hide_phone: data.hide === "on", auto_read: false });
      world.people.set(person.id, person);
      box.close();
      await open(person.id);
    } catch (error) { failed(error); }
  } },
    field("name", t("name"), null, { required: true, maxlength: 60, autofocus: true }), field("phone", t("phone"), t("phoneHint"), { type: "tel", placeholder: "+54 9 11 5555-0001" }),
    field("username", t("username")),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "hide" }), h("span", {}, t("hidePhone"), h("small", {}, t("hidePhoneHint")))),
    h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => box.close() }, t("cancel")), h("button", { class: "primary" }, t("save"))));
  const box = dialog(t("create"), t("close"), form);
}

// ── The chat ─────────────────────────────────────────────────────────────────────────────────────────────────────────

async function open(id, number = world.number) {
  try {
    const thread = await api.get(`/people/${id}/thread?phone_number_id=${number}`);
    const draft = chat?.person.id === id ? chat.draft : "";
    chat = { person: thread.person, number, messages: thread.messages, nodes: new Map(), typing: 0, draft, replying: null, editing: null, atEnd: true };
    app.dataset.view = "chat";
    drawStage();
    drawPeople();
    readIfSeen();
    history.replaceState(null, "", `#${id}`);
  } catch (error) { failed(error); }
}

const business = () => world.numbers.find((n) => n.phone_number_id === chat.number) ?? world.numbers[0];

function drawStage() {
  const stage = document.getElementById("stage");
  if (!chat) {
    stage.replaceChildren(h("div", { class: "hello" }, h("div", { class: "hello-mark" }, icon("store")), h("h2", {}, t("pick")), h("p", {}, t("pickHint")),
      h("button", { type: "button", class: "primary", onclick: createPerson }, icon("plus"), t("create"))));
    return;
  }
  const log = h("div", { class: "log", id: "log", role: "log", "aria-live": "polite", tabindex: "0", "aria-label": business().verified_name,
    onscroll: () => { chat.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120; } });
  // A picture that arrives late makes the thread longer; whoever was at its end stays there.
  log.addEventListener("load", () => { if (chat?.atEnd) log.scrollTop = log.scrollHeight; }, true);
  const phone = h("section", { class: "phone", ondragover: (e) => { e.preventDefault(); phone.classList.add("dropping"); },
    ondragleave: () => phone.classList.remove("dropping"), ondrop: (e) => { e.preventDefault(); phone.classList.remove("dropping"); sendFiles(e.dataTransfer.files); } },
    h("header", { class: "chat-header", id: "chat-header" }), log, h("div", { class: "composer", id: "composer" }), h("div", { class: "drop-hint" }, t("dropHere")));
  stage.replaceChildren(phone);
  drawHeader();
  drawThread(true);
  drawComposer();
}

function drawHeader() {
  const place = document.getElementById("chat-header");
  if (!place || !chat) return;
  const to = business();
  const writing = chat.typing > Date.now();
  const person = chat.person;
  place.replaceChildren(
    iconButton("back", t("back"), () => { app.dataset.view = "list"; }, { class: "icon-button back" }),
    h("span", { class: "avatar business" }, icon("store")),
    h("div", { class: "chat-title" }, h("strong", {}, to.verified_name, icon("verified", t("business"))),
      h("span", { class: writing ? "writing" : "" }, writing ? t("typing") : `${person.name} · ${person.username ? `@${person.username}` : pretty(person.id)}`)),
    iconButton("more", t("options"), (e) => menu(e.currentTarget, [
      { icon: person.auto_read ? "check" : "checks", label: t("autoRead"), run: () => api.post(`/people/${person.id}`, { auto_read: !person.auto_read }).then(done, failed) },
      { icon: "contact", label: t("hidePhone"), run: () => api.post(`/people/${person.id}`, { hide_phone: !person.hide_phone }).then(done, failed) },
      { icon: "clock", label: t("closeWindow"), run: () => api.post(`/people/${person.id}/close_window`, { phone_number_id: chat.number }).then(done, failed) },
      { icon: "verified", label: t("rotate"), run: () => api.post(`/people/${person.id}/rotate`, { phone_number_id: chat.number }).then(done, failed) },
      { icon: "edit", label: t("renumber"), run: renumber },
    ]), { "aria-haspopup": "menu" }));
}

function renumber() {
  const old = chat.person.id;
  const form = h("form", { method: "dialog", class: "form", onsubmit: async (e) => {
    e.preventDefault();
    try {
      const moved = await api.post(`/people/${old}/renumber`, { phone: new FormData(form).get("phone"), phone_number_id: chat.number });
      world.people.delete(old);
      box.close();
      await load();
      await open(moved.id);
    } catch (error) { failed(error); }
  } }, h("label", { class: "field" }, h("span", {}, t("newNumber")), h("input", { name: "phone", type: "tel", required: true, placeholder: "+54 9 11 5555-0002" })),
    h("div", { class: "actions" }, h("button", { class: "primary" }, t("send"))));
  const box = dialog(t("renumber"), t("close"), form);
}

const act = (action, body) => api.post(`/people/${chat.person.id}/${action}`, { phone_number_id: chat.number, ...body }).catch(failed);
const say = (body) => api.post(`/people/${chat.person.id}/messages`, { phone_number_id: chat.number, ...body }).catch(failed);

export function ticks(message) {
  if (message.deleted) return "";
  const label = t(`st_${message.status}`);
  const name = { sent: "check", delivered: "checks", read: "checks", failed: "warn" }[message.status] ?? "clock";
  return h("span", { class: `ticks ticks-${message.status}`, title: label }, icon(name, label));
}

/** Draws what changed: unchanged messages keep their element, so that a playing voice note goes on. */
function drawThread(fresh = false) {
  const log = document.getElementById("log");
  if (!log) return;
  const nearEnd = fresh || chat.atEnd;
  chat.messages.sort((a, b) => a.at - b.at);
  const wantedNodes = [];
  let lastDay = "", before = null;
  for (const message of chat.messages) {
    const today = day(message.at);
    if (today !== lastDay) { wantedNodes.push(cached(`day-${today}`, today, () => h("div", { class: "day" }, h("span", {}, today)))); before = null; }
    lastDay = today;
    const first = !before || before.from_customer !== message.from_customer;
    const quoted = message.reply_to && chat.messages.find((m) => m.id === message.reply_to);
    const state = JSON.stringify([message, first, quoted?.id, language]);
    wantedNodes.push(cached(message.id, state, () => bubble(message, { first, quoted, ticks, business: business().verified_name, tap, act: actions, jump })));
    before = message;
  }
  for (const [at, node] of wantedNodes.entries()) if (log.children[at] !== node) log.insertBefore(node, log.children[at] ?? null);
  while (log.children.length > wantedNodes.length) log.lastChild.remove();
  if (nearEnd) { log.scrollTop = log.scrollHeight; chat.atEnd = true; }
}

function cached(id, state, make) {
  const known = chat.nodes.get(id);
  if (known?.state === state) return known.node;
  const node = make();
  known?.node.replaceWith(node);
  chat.nodes.set(id, { state, node });
  return node;
}

function jump(id) {
  const node = chat.nodes.get(id)?.node;
  node?.scrollIntoView({ block: "center", behavior: "smooth" });
  node?.classList.add("lit");
  setTimeout(() => node?.classList.remove("lit"), 1200);
}

function tap(message, kind, option) {
  document.querySelector(".sheet-layer")?.remove();
  say({ kind, reply_to: message.id, id: option.id, title: option.title, description: option.description });
}

function actions(message, anchor) {
  const reactions = h("div", { class: "reactions-row" }, QUICK_REACTIONS.map((emoji) => h("button", { type: "button", "aria-label": `${t("react")} ${emoji}`,
    "aria-pressed": String(message.reaction_customer === emoji),
    onclick: () => { act("react", { message: message.id, emoji: message.reaction_customer === emoji ? "" : emoji }); box.dispatchEvent(new Event("done")); } }, emoji)));
  const entries = [reactions, { icon: "reply", label: t("reply"), run: () => { chat.replying = message; chat.editing = null; drawComposer(); } }];
  if (message.from_customer && message.kind === "text") entries.push({ icon: "edit", label: t("edit"), run: () => { chat.editing = message; chat.replying = null; chat.draft = message.body.body; drawComposer(); } });
  if (message.from_customer) entries.push({ icon: "trash", label: t("remove"), danger: true, run: () => act("delete", { message: message.id }) });
  const box = menu(anchor, entries);
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

let typedAt = 0;

function drawComposer() {
  const place = document.getElementById("composer");
  if (!place || !chat) return;
  const about = chat.editing ?? chat.replying;
  const input = h("textarea", { rows: 1, placeholder: t("write"), "aria-label": t("write"), value: chat.draft,
    oninput: () => { chat.draft = input.value; grow(); place.classList.toggle("ready", input.value.trim() !== "");
      if (Date.now() - typedAt > 4000) { typedAt = Date.now(); act("typing", {}); } },
    onkeydown: (e) => {
      if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); }
      if (e.key === "Escape" && about) { chat.replying = chat.editing = null; drawComposer(); }
    },
    onpaste: (e) => { if (e.clipboardData.files.length) { e.preventDefault(); sendFiles(e.clipboardData.files); } } });
  const grow = () => { input.style.height = "auto"; input.style.height = `${Math.min(input.scrollHeight, 128)}px`; };
  const submit = () => {
    const text = input.value.trim();
    if (!text) return;
    if (chat.editing) act("edit", { message: chat.editing.id, text });
    else say({ text, reply_to: chat.replying?.id });
    chat.draft = ""; chat.replying = chat.editing = null;
    drawComposer();
  };
  place.replaceChildren(
    about ? h("div", { class: "about" }, icon(chat.editing ? "edit" : "reply"), h("div", {}, h("strong", {}, chat.editing ? t("edit") : about.from_customer ? t("you") : business().verified_name), h("span", {}, excerpt(about))),
      iconButton("close", t("cancel"), () => { chat.replying = chat.editing = null; drawComposer(); })) : "",
    h("div", { class: "composer-row" },
      h("div", { class: "composer-box" }, iconButton("plus", t("attach"), (e) => attach(e.currentTarget), { "aria-haspopup": "menu" }), input,
        iconButton("smile", "Emoji", (e) => emojis(e.currentTarget, input))),
      h("button", { type: "button", class: "round send", "aria-label": t("send"), title: t("send"), onclick: submit }, icon("send")),
      h("button", { type: "button", class: "round record", "aria-label": t("record"), title: t("record"), onclick: record }, icon("mic"))));
  place.classList.toggle("ready", chat.draft.trim() !== "");
  grow();
  if (matchMedia("(hover: hover)").matches || about) input.focus();
}

const EMOJIS = "😀 😂 😊 😍 😉 🤔 😅 😢 😡 😮 👍 👎 👏 🙏 🙌 💪 ❤️ 🎉 🔥 ✅ ❌ ⏰ 📦 🚚 💳 🧾 📍 👋".split(" ");

function emojis(anchor, input) {
  const grid = h("div", { class: "emoji-grid" }, EMOJIS.map((emoji) => h("button", { type: "button", onclick: () => {
    input.setRangeText(emoji, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input"));
    box.dispatchEvent(new Event("done"));
    input.focus();
  } }, emoji)));
  const box = menu(anchor, [grid]);
}

function pickFiles(accept, kind) {
  const input = h("input", { type: "file", accept, multiple: true, class: "hidden", onchange: () => { sendFiles(input.files, kind); input.remove(); } });
  document.body.append(input);
  input.click();
}

async function sendFiles(files, kind) {
  for (const file of files) {
    const group = kind ?? ({ image: "image", video: "video", audio: "audio" }[file.type.split("/")[0]] ?? "document");
    try {
      const { id } = await api.upload(file, chat.number);
      const caption = ["image", "video", "document"].includes(group) && chat.draft.trim() ? chat.draft.trim() : undefined;
      if (caption) { chat.draft = ""; drawComposer(); }
      await say({ kind: group, media: id, filename: file.name, caption });
    } catch (error) { failed(error); }
  }
}

function attach(anchor) {
  menu(anchor, [
    { icon: "photo", label: t("photo"), run: () => pickFiles("image/*,video/*") },
    { icon: "document", label: t("document"), run: () => pickFiles("", "document") },
    { icon: "audio", label: t("audio"), run: () => pickFiles("audio/*", "audio") },
    { icon: "smile", label: t("sticker"), run: () => pickFiles("image/webp", "sticker") },
    { icon: "place", label: t("place"), run: () => ask(t("place"), [["name", t("placeName"), "Obelisco"], ["latitude", t("latitude"), "-34.6037"], ["longitude", t("longitude"), "-58.3816"]],
      (d) => say({ kind: "location", name: d.name || undefined, latitude: Number(d.latitude), longitude: Number(d.longitude) })) },
    { icon: "contact", label: t("contact"), run: () => ask(t("contact"), [["name", t("name"), ""], ["text", t("phone"), "+54 9 11 5555-0002"]],
      (d) => say({ kind: "contacts", name: d.name, text: d.text })) },
  ]);
}

function ask(title, fields, run) {
  const form = h("form", { method: "dialog", class: "form", onsubmit: () => run(Object.fromEntries(new FormData(form))) },
    fields.map(([name, label, value]) => h("label", { class: "field" }, h("span", {}, label), h("input", { name, value, required: name !== "text" }))),
    h("div", { class: "actions" }, h("button", { class: "primary" }, t("share"))));
  dialog(title, t("close"), form);
}

async function record() {
  const kinds = ["audio/ogg;codecs=opus", "audio/mp4", "audio/webm;codecs=opus"];
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { return toast(t("noMicrophone")); }
  const mimeType = kinds.find((k) => MediaRecorder.isTypeSupported(k));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
  const pieces = [], began = Date.now();
  let keep = false;
  recorder.ondataavailable = (e) => pieces.push(e.data);
  recorder.onstop = async () => {
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    drawComposer();
    if (!keep) return;
    try {
      const { id } = await api.upload(new Blob(pieces, { type: recorder.mimeType }), chat.number, "voz");
      await say({ kind: "voice", media: id });
    } catch (error) { failed(error); }
  };
  const time = h("span", { class: "time" }, "0:00");
  const timer = setInterval(() => { const s = Math.floor((Date.now() - began) / 1000); time.textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`; }, 250);
  document.getElementById("composer").replaceChildren(h("div", { class: "composer-row recording" },
    iconButton("trash", t("discard"), () => recorder.stop()), h("span", { class: "pulse" }), h("span", { class: "grow" }, t("recording")), time,
    h("button", { type: "button", class: "round", "aria-label": t("stop"), title: t("stop"), onclick: () => { keep = true; recorder.stop(); } }, icon("send"))));
  recorder.start();
}

// ── Start ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const seq = await load();
document.documentElement.lang = language;
document.title = `Ronda · ${t("title")}`;
drawPeople(true);
drawStage();
listen(seq);
const asked = location.hash.slice(1);
if (world.people.has(asked)) await open(asked);
