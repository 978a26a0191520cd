/** The start page: who I am, what there is to do, what waits here, how this device is set. */
import { ApiError } from "../api.js";
import { signOut } from "../desk/person.js";
import { element, icon, mark } from "../element.js";
import { LANGUAGES, language, setLanguage, t } from "../i18n.js";
import { Store } from "../store.js";
import { installation } from "./install.js";
import { keysOn, setKeys } from "./keys.js";
import { setTheme, theme } from "./theme.js";
import { toast } from "./toast.js";

/** @typedef {import("../types.js").Me} Me */
/** @typedef {import("../types.js").CampaignCard} CampaignCard */
/** @typedef {{waiting: number, mine: number, left: number}} Known what this device knows about a campaign */

/**
 * @param {HTMLElement} main
 * @param {Me} me
 * @returns {Promise<() => void>} what ends it
 */
export async function home(main, me) {
  const known = await stored(me);
  const offline = element("p", { class: "note warn", role: "status" });
  const connected = () => {
    offline.hidden = navigator.onLine;
    offline.textContent = navigator.onLine ? "" : t("home.offline");
  };
  connected();
  main.replaceChildren(page(me, known, offline));
  document.title = t("app.name");
  addEventListener("online", connected);
  addEventListener("offline", connected);
  return () => {
    removeEventListener("online", connected);
    removeEventListener("offline", connected);
  };
}

/**
 * How many votes wait here to be sent, and how far each campaign is with them.
 * @param {Me} me
 * @returns {Promise<Map<number, Known>>}
 */
async function stored(me) {
  const known = new Map();
  try {
    const store = await Store.open(me.key);
    for (const { id, progress } of me.campaigns) {
      const view = await store.view(id);
      const queue = view.queue.filter(({ campaign }) => campaign === id);
      const more = queue.reduce((sum, { counts }) => sum + counts, 0);
      const last = view.progress && view.progress.mine > progress.mine ? view.progress : progress;
      const { mine, left } = last;
      const now = { mine: Math.max(0, mine + more), left: Math.max(0, left - more) };
      known.set(id, { waiting: queue.length, ...now });
    }
    store.close();
  } catch {
    // Nothing can be kept in this browser, so nothing waits in it.
  }
  return known;
}

/**
 * @param {Me} me
 * @param {Map<number, Known>} known
 * @param {HTMLElement} offline
 */
function page(me, known, offline) {
  const waiting = [...known.values()].reduce((sum, campaign) => sum + campaign.waiting, 0);
  const open = me.campaigns.filter((campaign) => campaign.open);
  const closed = me.campaigns.filter((campaign) => !campaign.open);
  return element("div", { class: "page home" },
    element("header", { class: "head" }, mark(),
      element("div", { class: "grow" },
        element("h1", { tabindex: "-1" }, t("home.hello", { name: me.name })),
        element("p", { class: "quiet small" }, t(`home.role.${me.role}`)))),
    offline,
    element("section", { class: "stack", "aria-labelledby": "campaigns" },
      element("h2", { id: "campaigns" }, t("home.campaigns")),
      me.campaigns.length === 0 && nothing(),
      element("ul", { class: "campaigns" }, [...open, ...closed].map((campaign) =>
        element("li", {}, card(campaign, known.get(campaign.id) ?? { waiting: 0, ...campaign.progress }))))),
    me.role !== "annotator" && duties(me),
    installation(),
    settings(),
    element("footer", { class: "row" },
      element("button", { class: "button", type: "button", "data-action": "sign-out",
        onclick: () => leave(waiting) },
        icon("out"), t("home.out"))),
    !isSecureContext && element("p", { class: "quiet small" }, t("home.insecure")));
}

function nothing() {
  return element("div", { class: "card" },
    element("h3", {}, t("home.none")),
    element("p", { class: "quiet" }, t("home.none.more")));
}

/**
 * @param {CampaignCard} campaign
 * @param {Known} known
 */
function card({ id, name, kind, blind, open }, { waiting, mine, left }) {
  const bar = element("i");
  bar.style.transform = `scaleX(${mine / Math.max(1, mine + left)})`;
  const state = !open ? "closed" : left === 0 ? "finished" : "left";
  const go = !open || left === 0 ? "look" : mine === 0 ? "start" : "continue";
  const attributes = { href: `#campaign=${id}`, "data-campaign": id, "data-state": state };
  return element("a", { class: "card campaign", ...attributes },
    element("div", { class: "row" },
      element("h3", { class: "grow" }, name),
      element("span", { class: "chip" }, t(`home.kind.${kind}`)),
      kind === "clean" && blind && element("span", { class: "chip" }, t("home.kind.blind"))),
    element("div", { class: "bar", "aria-hidden": "true" }, bar),
    element("div", { class: "row" },
      element("p", { class: "grow quiet small number" },
        t("home.mine", { mine, all: mine + left }), " · ",
        state === "left" ? t("home.left", { n: left }) : t(`home.${state}`)),
      element("span", { class: "go" }, t(`home.${go}`), icon("next"))),
    waiting > 0 && element("p", {}, element("span", { class: "chip warn waits" }, icon("sending"),
      t("home.waiting", { n: waiting }))));
}

/**
 * What reviewers and admins have besides.
 * @param {Me} me
 */
function duties(me) {
  const disputed = me.campaigns.reduce((sum, { disputed: n }) => sum + (n ?? 0), 0);
  const duty = (/** @type {string} */ href, /** @type {string} */ name, /** @type {string} */ more) =>
    element("a", { class: "card duty", href },
      icon(name),
      element("div", {}, element("h3", {}, t(`home.${name}`)), element("p", { class: "quiet small" }, more)),
      icon("next"));
  return element("nav", { class: "duties", "aria-label": t(`home.role.${me.role}`) },
    duty("/review", "review", t("home.review.more", { n: disputed })),
    me.role === "admin" && duty("/admin", "admin", t("home.admin.more")));
}

function settings() {
  return element("section", { class: "card settings", "aria-labelledby": "settings" },
    element("h2", { id: "settings" }, t("home.settings")),
    segments("home.language", Object.entries(LANGUAGES), language(), async (code) => {
      await setLanguage(code === "ja" ? "ja" : "en");
      const chosen = document.querySelector("input[name='home.language']:checked");
      /** @type {HTMLElement|null} */ (chosen)?.focus();
    }),
    segments("home.theme", ["system", "light", "dark"].map((name) => [name, t(`home.theme.${name}`)]),
      theme(), setTheme),
    element("label", { class: "choice with-keys" },
      element("input", { type: "checkbox", ...(keysOn() ? { checked: true } : {}),
        onchange: (/** @type {any} */ event) => setKeys(event.target.checked) }),
      element("span", {}, t("home.keys"),
        element("span", { class: "quiet small block" }, t("home.keys.more")))));
}

/**
 * @param {string} name
 * @param {[string, string][]} options
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
function segments(name, options, chosen, choose) {
  return element("fieldset", { class: "field" },
    element("legend", {}, t(name)),
    element("div", { class: "segments" }, options.map(([value, word]) =>
      element("label", {},
        element("input", { type: "radio", name, value, checked: value === chosen,
          onchange: () => choose(value) }),
        element("span", name === "home.language" ? { lang: value } : {}, word)))));
}

/**
 * Asks first, and more so if votes wait here.
 * @param {number} waiting
 */
function leave(waiting) {
  const close = () => dialog.close();
  const go = async () => {
    try {
      await signOut();
      location.assign("/");
    } catch (error) {
      close();
      if (error instanceof ApiError && error.status === 401) return location.assign("/");
      toast(t("home.out.failed"), { bad: true });
    }
  };
  const dialog = element("dialog", { class: "sheet", "aria-labelledby": "leave" },
    element("h2", { id: "leave" }, t("home.out.title")),
    element("p", { class: waiting ? "note bad" : "quiet" },
      waiting ? t("home.out.votes", { n: waiting }) : t("home.out.plain")),
    element("div", { class: "row" },
      element("button", { class: "button", type: "button", onclick: close }, t("say.cancel")),
      element("button", { class: waiting ? "button danger" : "button primary", type: "button", onclick: go },
        t(waiting ? "home.out.anyway" : "home.out"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
