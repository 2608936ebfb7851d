// How each kind of message looks.

import { h, icon, iconButton } from "./dom.js";
import { clock, t } from "./texts.js";

const FILE_KINDS = ["image", "video", "audio", "document", "sticker"];

/** One line about a message, for lists and quotations. */
export function excerpt(message) {
  if (message.deleted) return t("removed");
  const body = message.body ?? {};
  switch (message.kind) {
    case "text": return body.body;
    case "image": return `📷 ${body.caption ?? t("image")}`;
    case "video": return `🎬 ${body.caption ?? t("video")}`;
    case "audio": return `🎤 ${body.voice ? t("voice") : t("audio")}`;
    case "document": return `📄 ${body.filename ?? t("file")}`;
    case "sticker": return `${t("sticker")}`;
    case "location": return `📍 ${body.name ?? t("place")}`;
    case "contacts": return `👤 ${body[0]?.name?.formatted_name ?? t("contact")}`;
    case "button": return body.text;
    case "template": return message.rendered?.body ?? t("template");
    case "interactive": return (body.button_reply ?? body.list_reply)?.title ?? body.body?.text ?? body.nfm_reply?.body ?? "";
    default: return t("unsupported");
  }
}

/** Text with links and the marks *bold*, _italic_, ~struck~ and `code`. */
export function rich(text) {
  const pattern = /(https?:\/\/[^\s<>"]+)|\*([^*\n]+)\*|_([^_\n]+)_|~([^~\n]+)~|```([^`]+)```|`([^`\n]+)`/g;
  const out = [];
  let from = 0;
  for (const hit of (text ?? "").matchAll(pattern)) {
    const alone = hit[1] || !/[\p{L}\p{N}]/u.test(text[hit.index - 1] ?? " ");
    if (!alone) continue;
    out.push(text.slice(from, hit.index));
    if (hit[1]) out.push(link(hit[1], hit[1]));
    else if (hit[2]) out.push(h("strong", {}, hit[2]));
    else if (hit[3]) out.push(h("em", {}, hit[3]));
    else if (hit[4]) out.push(h("s", {}, hit[4]));
    else out.push(h("code", {}, hit[5] ?? hit[6]));
    from = hit.index + hit[0].length;
  }
  out.push((text ?? "").slice(from));
  return out;
}

function link(url, label, properties = {}) {
  const safe = /^https?:\/\//i.test(url ?? "");
  return h("a", { href: safe ? url : undefined, target: "_blank", rel: "noreferrer noopener", ...properties }, label);
}

const source = (media) => media.id ? `/_sim/media/${media.id}` : /^https?:\/\//.test(media.link ?? "") ? media.link : "";

function file(kind, media) {
  const src = source(media ?? {});
  if (kind === "image") return h("a", { class: "picture", href: src, target: "_blank", rel: "noreferrer" }, h("img", { src, alt: media.caption ?? t("image") }));
  if (kind === "sticker") return h("img", { class: "sticker", src, alt: t("sticker") });
  if (kind === "video") return h("video", { class: "picture", src, controls: true, preload: "metadata" });
  if (kind === "audio") return h("div", { class: "voice" }, icon(media.voice ? "mic" : "audio"), h("audio", { src, controls: true, preload: "metadata" }));
  return h("a", { class: "file", href: src, target: "_blank", rel: "noreferrer", download: media.filename ?? "" }, icon("document"), h("span", {}, media.filename ?? t("file")));
}

function content(message, tools) {
  const body = message.body ?? {};
  if (message.deleted) return [h("p", { class: "gone" }, icon("trash"), t("removed"))];
  if (FILE_KINDS.includes(message.kind)) return [file(message.kind, body), body.caption ? h("p", { class: "text" }, rich(body.caption)) : ""];
  switch (message.kind) {
    case "text": return [h("p", { class: /^\p{Extended_Pictographic}{1,3}$/u.test(body.body) ? "text big" : "text" }, rich(body.body))];
    case "location": return [h("div", { class: "map" }, icon("place")), h("p", { class: "text" }, h("strong", {}, body.name ?? t("place")), h("br"), body.address ?? `${body.latitude.toFixed(4)}, ${body.longitude.toFixed(4)}`)];
    case "contacts": return body.map((c) => h("div", { class: "card" }, h("span", { class: "avatar hue-3" }, icon("contact")), h("div", {}, h("strong", {}, c.name?.formatted_name), h("span", {}, (c.phones ?? []).map((p) => p.phone).join(", ")))));
    case "button": return [h("p", { class: "text" }, body.text)];
    case "template": return template(message, tools);
    case "interactive": return interactive(message, tools);
    default: return [h("p", { class: "gone" }, icon("warn"), t("unsupported"))];
  }
}

function heading(header) {
  if (!header) return "";
  if (header.type === "text" || !header.type) return h("p", { class: "head" }, header.text);
  return file(header.type, header[header.type]);
}

function template(message, { tap }) {
  const shown = message.rendered ?? {};
  const buttons = (shown.buttons ?? []).map((b) => {
    if (b.type === "URL") return link(b.url, [icon("link"), b.text], { class: "option" });
    if (b.type === "PHONE_NUMBER") return h("span", { class: "option" }, icon("contact"), b.text);
    return h("button", { type: "button", class: "option", onclick: () => tap(message, "template_button", { id: b.payload, title: b.text }) }, icon("reply"), b.text);
  });
  return [heading(shown.header), h("p", { class: "text" }, rich(shown.body ?? message.body.name)), shown.footer ? h("p", { class: "foot" }, shown.footer) : "",
    buttons.length ? h("div", { class: "options" }, buttons) : ""];
}

function interactive(message, { tap }) {
  const body = message.body;
  const chosen = body.button_reply ?? body.list_reply;
  if (chosen) return [h("p", { class: "text" }, chosen.title, chosen.description ? h("small", {}, h("br"), chosen.description) : "")];
  if (body.nfm_reply) return [h("p", { class: "text" }, icon("check"), " ", body.nfm_reply.body)];
  const action = body.action ?? {};
  let options = [];
  if (body.type === "button") options = (action.buttons ?? []).map((b) => h("button", { type: "button", class: "option", onclick: () => tap(message, "button", b.reply) }, icon("reply"), b.reply.title));
  if (body.type === "list") options = [h("button", { type: "button", class: "option", "aria-haspopup": "dialog", onclick: () => sheet(message, action, tap) }, icon("list"), action.button)];
  if (body.type === "cta_url") options = [link(action.parameters?.url, [icon("link"), action.parameters?.display_text ?? t("openLink")], { class: "option" })];
  return [heading(body.header), h("p", { class: "text" }, rich(body.body?.text)), body.footer ? h("p", { class: "foot" }, body.footer.text) : "",
    options.length ? h("div", { class: "options" }, options) : ""];
}

/** The list of options, from below as on a phone. */
function sheet(message, action, tap) {
  const close = () => layer.remove();
  const layer = h("div", { class: "sheet-layer", onclick: (e) => e.target === layer && close(), onkeydown: (e) => e.key === "Escape" && close() },
    h("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": action.button },
      h("header", {}, h("strong", {}, action.button || t("chooseOption")), iconButton("close", t("close"), close)),
      h("div", { class: "sheet-rows" }, (action.sections ?? []).map((section) => [section.title ? h("h3", {}, section.title) : "",
        (section.rows ?? []).map((row) => h("button", { type: "button", class: "row", onclick: () => tap(message, "list", row) },
          h("span", {}, h("strong", {}, row.title), row.description ? h("small", {}, row.description) : ""), h("i", { class: "radio" })))]))));
  document.querySelector(".phone").append(layer);
  layer.querySelector(".row")?.focus();
}

export function bubble(message, tools) {
  const { first, quoted, ticks, business, act, jump } = tools;
  const mine = message.from_customer;
  const reactions = [message.reaction_customer, message.reaction_business].filter(Boolean);
  const quotation = message.reply_to && message.kind !== "reaction"
    ? h("button", { type: "button", class: "quote", onclick: () => jump(message.reply_to) }, h("strong", {}, quoted?.from_customer ? t("you") : business), h("span", {}, quoted ? excerpt(quoted) : "…")) : "";
  const meta = h("span", { class: "meta" }, message.edited && !message.deleted ? `${t("edited")} · ` : "", clock(message.at), mine ? ticks(message) : "");
  const classes = ["bubble", mine ? "mine" : "theirs", first ? "first" : "", `kind-${message.kind}`, message.deleted ? "is-gone" : ""].join(" ");
  return h("div", { class: `line ${mine ? "right" : "left"} ${first ? "first" : ""} ${reactions.length ? "reacted" : ""}` },
    h("div", { class: classes }, quotation, content(message, tools), meta,
      reactions.length ? h("span", { class: "reactions" }, [...new Set(reactions)].join("")) : "",
      message.deleted ? "" : iconButton("smile", t("more"), (e) => act(message, e.currentTarget), { class: "icon-button actions-button", "aria-haspopup": "menu" })));
}
