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

/**
 * @param {HTMLElement} main
 * @param {Me} me
 * @returns {() => void} what ends it
 */
export function home(main, me) {
  /** @type {Map<number, number>} */
  const waiting = new Map();
  const draw = () => main.replaceChildren(page(me, waiting));
  draw();
  document.title = t("app.name");
  let over = false;
  counted(me.name).then((counts) => {
    for (const [campaign, n] of counts) waiting.set(campaign, n);
    if (!over && counts.size) draw();
  });
  addEventListener("online", draw);
  addEventListener("offline", draw);
  return () => {
    over = true;
    removeEventListener("online", draw);
    removeEventListener("offline", draw);
  };
}

/**
 * How many votes wait here to be sent, per campaign.
 * @param {string} name
 * @returns {Promise<Map<number, number>>}
 */
async function counted(name) {
  const counts = new Map();
  try {
    const store = await Store.open(name);
    for (const { campaign } of (await store.view(0)).queue) counts.set(campaign, (counts.get(campaign) ?? 0) + 1);
    store.close();
  } catch {
    // Nothing can be kept in this browser, so nothing waits in it.
  }
  return counts;
}

/**
 * @param {Me} me
 * @param {Map<number, number>} waiting
 */
function page(me, waiting) {
  const open = me.campaigns.filter((campaign) => campaign.open);
  const closed = me.campaigns.filter((campaign) => !campaign.open);
  return element("div", { class: "page home" },
    element("header", { class: "head" }, mark(),
      element("div", { class: "grow" },
        element("h1", { tabindex: "-1" }, t("home.hello", { name: me.name })),
        element("p", { class: "quiet small" }, t(`home.role.${me.role}`)))),
    !navigator.onLine && element("p", { class: "note warn", role: "status" }, t("home.offline")),
    element("section", { class: "stack", "aria-labelledby": "campaigns" },
      element("h2", { id: "campaigns" }, t("home.campaigns")),
      me.campaigns.length === 0 && nothing(),
      element("ul", { class: "campaigns" }, [...open, ...closed].map((campaign) =>
        element("li", {}, card(campaign, waiting.get(campaign.id) ?? 0))))),
    me.role !== "annotator" && duties(me),
    installation(),
    settings(),
    element("footer", { class: "row" },
      element("button", { class: "button", type: "button", "data-action": "sign-out",
        onclick: () => leave([...waiting.values()].reduce((sum, n) => sum + n, 0)) },
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
 * @param {number} waiting
 */
function card({ id, name, kind, blind, open, progress }, waiting) {
  const { mine, left } = progress;
  const bar = element("i");
  bar.style.transform = `scaleX(${mine / Math.max(1, mine + left)})`;
  const state = !open ? "closed" : left === 0 ? "finished" : "left";
  const go = !open || left === 0 ? "look" : mine === 0 ? "start" : "continue";
  return element("a", { class: "card campaign", href: `#campaign=${id}`, "data-campaign": id, "data-state": state },
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
      /** @type {HTMLElement|null} */ (document.querySelector("input[name='home.language']:checked"))?.focus();
    }),
    segments("home.theme", ["system", "light", "dark"].map((name) => [name, t(`home.theme.${name}`)]), theme(),
      setTheme),
    element("label", { class: "choice with-keys" },
      element("input", { type: "checkbox", ...(keysOn() ? { checked: true } : {}),
        onchange: (/** @type {any} */ event) => setKeys(event.target.checked) }),
      element("span", {}, t("home.keys"), element("span", { class: "quiet small block" }, t("home.keys.more")))));
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
        element("input", { type: "radio", name, value, checked: value === chosen, onchange: () => choose(value) }),
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
