// The laboratory: traffic, faults and how deliveries go.

import { api, h, iconButton, toast } from "./dom.js";
import { t } from "./texts.js";

const SWITCHES = ["reverse_statuses", "skip_delivered", "never_read", "batch", "hide_phones", "no_user_ids", "window_by_status", "no_rate_limits"];
const RATES = ["duplicate_rate", "reorder_rate", "drop_rate", "lost_answer_rate"];
const PAUSES = ["answer_delay_ms", "webhook_delay_ms"];
const PACES = [0, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600];

export class Lab {
  constructor(place, redraw) {
    this.place = place;
    this.redraw = redraw;
    this.state = null;
    this.counts = { accepted: 0, refused: 0 };
    this.reached = true;
    setInterval(() => this.refresh(), 5000);
  }

  show(state) {
    this.state = state;
    this.counts = { accepted: state.counters.webhooks_accepted ?? 0, refused: state.counters.webhooks_refused ?? 0 };
    this.draw();
  }

  faults(faults) { if (this.state) { this.state.faults = faults; this.draw(); } }
  traffic(traffic) { if (this.state) { this.state.traffic = traffic; this.draw(); } }

  webhook(hook) {
    this.counts[hook.accepted ? "accepted" : "refused"] += 1;
    this.reached = hook.accepted || hook.answer !== "unreachable";
    this.drawCounts();
  }

  async refresh() {
    if (document.visibilityState !== "visible" || !this.state) return;
    const state = await api.get("/state").catch(() => null);
    if (!state) return;
    this.state.active = state.active;
    this.drawCounts();
  }

  set(change) { api.post("/faults", change).catch((e) => toast(t("failed", e.message))); }
  setTraffic(change) { api.post("/traffic", change).catch((e) => toast(t("failed", e.message))); }

  drawCounts() {
    const place = document.getElementById("deliveries");
    if (!place) return;
    place.replaceChildren(
      h("div", { class: "figure" }, h("strong", {}, String(this.counts.accepted)), h("span", {}, t("accepted"))),
      h("div", { class: `figure ${this.counts.refused ? "bad" : ""}` }, h("strong", {}, String(this.counts.refused)), h("span", {}, t("refused"))));
    const note = document.getElementById("unreached");
    note.hidden = this.reached;
    note.textContent = t("waiting", this.state.callback_url);
    document.getElementById("active").textContent = t("active", this.state.active ?? 0);
  }

  draw() {
    const { faults, traffic } = this.state;
    // Whoever is dragging a slider is not interrupted by the echo of it.
    if (this.place.contains(document.activeElement) && document.activeElement.matches("input[type=range],input[type=number]")) return;
    const nearest = PACES.reduce((best, p, at) => Math.abs(p - traffic.per_minute) < Math.abs(PACES[best] - traffic.per_minute) ? at : best, 0);
    const pace = h("output", {}, traffic.per_minute ? String(traffic.per_minute) : t("off"));
    const speed = h("output", {}, `×${traffic.speed}`);
    const slider = (label, output, properties, show, send) => h("label", { class: "slider" }, h("span", {}, label, output),
      h("input", { type: "range", ...properties, oninput: (e) => { output.textContent = show(Number(e.target.value)); }, onchange: (e) => { e.target.blur(); send(Number(e.target.value)); } }));
    const toggle = (name) => h("label", { class: "switch" }, h("span", {}, t(`f_${name}`)), h("input", { type: "checkbox", role: "switch", checked: faults[name], onchange: (e) => this.set({ [name]: e.target.checked }) }));
    const rate = (name) => { const output = h("output", {}, `${Math.round(faults[name] * 100)} %`);
      return slider(t(`f_${name}`), output, { min: 0, max: 100, step: 5, value: faults[name] * 100 }, (v) => `${v} %`, (v) => this.set({ [name]: v / 100 })); };
    const pause = (name) => { const output = h("output", {}, String(faults[name]));
      return slider(t(`f_${name}`), output, { min: 0, max: 10000, step: 250, value: faults[name] }, String, (v) => this.set({ [name]: v })); };
    const coded = (name, fallback) => {
      const output = h("output", {}, `${Math.round(faults[`${name}_rate`] * 100)} %`);
      const code = h("input", { type: "number", class: "code", "aria-label": `${t(`f_${name}`)}: ${t("f_code")}`, value: faults[`${name}_code`] ?? fallback, onchange: (e) => { e.target.blur(); this.set({ [`${name}_code`]: Number(e.target.value) }); } });
      return h("div", { class: "coded" }, slider(t(`f_${name}`), output, { min: 0, max: 100, step: 5, value: faults[`${name}_rate`] * 100 }, (v) => `${v} %`,
        (v) => this.set({ [`${name}_rate`]: v / 100, [`${name}_code`]: v ? Number(code.value) : null })), code);
    };
    const any = Object.values(faults).some((v) => v === true || (typeof v === "number" && v > 0));
    this.place.replaceChildren(
      h("header", {}, h("h2", {}, t("lab")), iconButton("close", t("close"), () => document.getElementById("app").removeAttribute("data-lab"), { class: "icon-button lab-close" })),
      h("section", {}, h("h3", {}, t("webhooks")), h("div", { class: "figures", id: "deliveries" }), h("p", { class: "warning", id: "unreached", hidden: true })),
      h("section", {}, h("h3", {}, t("traffic"), h("span", { class: "badge", id: "active" })),
        slider(t("perMinute"), pace, { min: 0, max: PACES.length - 1, step: 1, value: nearest }, (v) => PACES[v] ? String(PACES[v]) : t("off"), (v) => this.setTraffic({ per_minute: PACES[v] })),
        slider(t("speed"), speed, { min: 1, max: 20, step: 1, value: traffic.speed }, (v) => `×${v}`, (v) => this.setTraffic({ speed: v }))),
      h("section", {}, h("h3", {}, t("faults"), any ? h("button", { type: "button", class: "link", onclick: () => this.set({ reset: true }) }, t("reset")) : ""),
        h("p", { class: "hint" }, t("faultsHint")), PAUSES.map(pause), RATES.map(rate), coded("error", 131000), coded("failed", 131026), SWITCHES.map(toggle)));
    this.drawCounts();
  }
}
