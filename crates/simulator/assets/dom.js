// Small tools: elements, icons, requests, notices.

/** An element with properties and children. `class`, `on…` and attributes; strings become text, never markup. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled" || key === "open") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

const PATHS = {
  plus: "M12 5v14M5 12h14", send: "M4 12 20 5l-4.5 14-3.6-5.4z M11.9 13.6 20 5", back: "M15 5l-7 7 7 7", close: "M6 6l12 12M18 6 6 18",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01", search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12z M15.5 15.5 20 20",
  photo: "M4 6h16v12H4z M4 15l4.5-4 4 3.5 2.5-2 5 4 M15.5 9.5v.01", document: "M7 3.5h7l4 4v13H7z M14 3.5v4h4 M10 12h5M10 15.5h5",
  audio: "M9 18V6l10-2v12 M9 18a2.2 2.2 0 1 1-2.2-2.2H9z M19 16a2.2 2.2 0 1 1-2.2-2.2H19z",
  place: "M12 21c4-5 6.5-8 6.5-11a6.5 6.5 0 1 0-13 0c0 3 2.500 6 6.500 11z M12 8a2.200 2.200 0 1 0 0 4.400A2.200 2.200 0 0 0 12 8z",
  contact: "M12 4.500a3.700 3.700 0 1 0 0 7.400 3.700 3.700 0 0 0 0-7.400z M5 20c.6-3.800 3.400-5.600 7-5.600s6.400 1.800 7 5.600",
  mic: "M12 3.500a2.800 2.800 0 0 0-2.800 2.800v5a2.800 2.800 0 1 0 5.600 0v-5A2.800 2.800 0 0 0 12 3.500z M6 11.500a6 6 0 0 0 12 0 M12 17.500V21",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13", check: "M5 12.500l4.500 4.500L19 7.500", checks: "M2.500 12.500 7 17l9-9.500 M11 16l1 1 9.500-9.500",
  clock: "M12 4.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15z M12 8v4.300l2.800 1.700", warn: "M12 4 21 19.500H3z M12 10v4M12 16.800v.01",
  reply: "M10 6 4.500 11.500 10 17 M5 11.500h8c4 0 6 2 6.500 6.500", edit: "M5 19l1-4L16.500 4.500l3 3L9 18z", smile: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z M9 10v.01M15 10v.01 M8.500 14c1.800 2.400 5.200 2.400 7 0",
  list: "M8.500 7H20M8.500 12H20M8.500 17H20M4.500 7v.01M4.500 12v.01M4.500 17v.01", link: "M14 5h5v5 M19 5l-8.500 8.500 M17 13.500V19H5V7h5.500",
  flask: "M9.500 3.500h5M10.500 3.500V9L5 18.500c-.6 1.100.1 2 1.300 2h11.400c1.200 0 1.900-.9 1.300-2L13.500 9V3.500 M7.500 14.500h9", store: "M4.500 9.500 6 4.500h12l1.500 5 M5.500 9.500V20h13V9.500 M4.500 9.500c0 3 5 3 5 0 0 3 5 3 5 0 0 3 5 3 5 0 M10 20v-5h4v5",
  verified: "M12 2.500l2.300 2 3-.3 1 2.900 2.700 1.400-.8 2.900.8 2.900-2.700 1.400-1 2.900-3-.3-2.300 2-2.300-2-3 .3-1-2.900L3 14.300l.8-2.900L3 8.500l2.700-1.400 1-2.900 3 .3z M8.500 11.800l2.500 2.500 4.500-4.800",
};

export function icon(name, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  if (label) { svg.setAttribute("role", "img"); svg.setAttribute("aria-label", label); } else svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, extra = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

async function answered(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? `HTTP ${response.status}`);
  return body;
}

export const api = {
  get: (path) => fetch(`/_sim${path}`).then(answered),
  post: (path, body = {}) =>
    fetch(`/_sim${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then(answered),
  upload: (file, number, name) => {
    const form = new FormData();
    form.append("file", file, name ?? file.name);
    return fetch(`/_sim/media?phone_number_id=${number}`, { method: "POST", body: form }).then(answered);
  },
};

export function toast(text) {
  const line = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), 4500);
}

/** A modal dialog with a title; closes on Escape, on its cross and on a click beside it. */
export function dialog(title, closeLabel, ...content) {
  const box = h("dialog", { class: "dialog", "aria-label": title, onclose: () => box.remove(), onclick: (e) => e.target === box && box.close() },
    h("div", { class: "dialog-body" }, h("header", {}, h("h2", {}, title), iconButton("close", closeLabel, () => box.close())), content));
  document.body.append(box);
  box.showModal();
  return box;
}

/** A menu under (or above) a button. */
export function menu(anchor, entries) {
  document.querySelector(".menu")?.remove();
  const close = () => { box.remove(); document.removeEventListener("pointerdown", outside, true); };
  const outside = (e) => { if (!box.contains(e.target)) close(); };
  const box = h("div", { class: "menu", role: "menu", onkeydown: (e) => {
    const items = [...box.querySelectorAll("button")], at = items.indexOf(document.activeElement);
    if (e.key === "Escape") { close(); anchor.focus(); }
    if (e.key === "ArrowDown") { items[(at + 1) % items.length]?.focus(); e.preventDefault(); }
    if (e.key === "ArrowUp") { items[(at - 1 + items.length) % items.length]?.focus(); e.preventDefault(); }
  } }, entries.map((entry) => entry instanceof Node ? entry : h("button", { type: "button", role: "menuitem", class: entry.danger ? "danger" : "",
    onclick: () => { close(); entry.run(); } }, icon(entry.icon), entry.label)));
  box.addEventListener("done", close);
  document.body.append(box);
  const at = anchor.getBoundingClientRect(), size = box.getBoundingClientRect();
  const top = at.bottom + size.height + 8 > innerHeight ? Math.max(8, at.top - size.height - 6) : at.bottom + 6;
  box.style.top = `${top}px`;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
  document.addEventListener("pointerdown", outside, true);
  box.querySelector("button")?.focus();
  return box;
}
