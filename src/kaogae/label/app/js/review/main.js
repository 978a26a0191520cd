/** The reviewer's page: which campaign, the queue, keys, and what is said when something goes wrong. */
import { refusal } from "../admin/frame.js";
import { element, mark } from "../element.js";
import { add, t } from "../i18n.js";
import { keysOn } from "../screens/keys.js";
import { toast } from "../screens/toast.js";
import { signedIn } from "../signin.js";
import { Queue } from "./queue.js";
import { Screen } from "./screen.js";
import { en, ja } from "./strings.js";

/** @typedef {import("../types.js").CampaignCard} CampaignCard */

const REFRESH_MS = 15_000;

add({ en, ja });

const main = () => /** @type {HTMLElement} */ (document.querySelector("main"));

/** @type {Map<number, Queue>} those that were open: what they still send goes on */
const queues = new Map();
let reviewer = "";
/** @type {Queue|null} */
let queue = null;
/** @type {Screen|null} */
let screen = null;

/** @param {CampaignCard[]} campaigns @returns {CampaignCard} */
function chosen(campaigns) {
  const id = Number(new URLSearchParams(location.hash.slice(1)).get("campaign"));
  return campaigns.find((one) => one.id === id) ?? campaigns.find(({ disputed }) => disputed) ?? campaigns[0];
}

/** @param {CampaignCard[]} campaigns */
function open(campaigns) {
  const campaign = chosen(campaigns);
  if (queue?.campaign === campaign.id) return;
  const mine = queues.get(campaign.id) ?? made(campaign.id);
  queue = mine;
  screen = new Screen(campaigns, campaign, {
    decide,
    undo: () => mine.undo(),
    later: () => mine.later(),
    again: () => mine.refill(),
  });
  document.title = `${t("review.title")} · ${campaign.name}`;
  main().replaceChildren(screen.root);
  screen.show(mine);
  mine.refill();
}

/** @param {number} campaign */
function made(campaign) {
  const made = new Queue(campaign, reviewer);
  queues.set(campaign, made);
  made.addEventListener("change", () => made === queue && screen?.show(made));
  made.outbox.addEventListener("refused", (event) => {
    if (event instanceof CustomEvent)
      toast(t("review.refused", { reason: t(event.detail.reason) }), { bad: true });
  });
  return made;
}

/** @param {import("../types.js").Answer} verdict */
function decide(verdict) {
  queue?.decide(verdict);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const { key, ctrlKey, metaKey, altKey, repeat, target } = event;
  if (repeat || altKey || !keysOn() || (target instanceof HTMLElement && target.matches("select, input")))
    return;
  const deed =
    ctrlKey || metaKey ? (key.toLowerCase() === "z" ? () => queue?.undo() : null) : doing(key.toLowerCase());
  if (!deed) return;
  event.preventDefault();
  deed();
}

/**
 * @param {string} key
 * @returns {(() => void)|null|undefined}
 */
function doing(key) {
  const answers = screen?.campaign.answers ?? [];
  const named = { arrowleft: "unusable", o: "other" }[key];
  const verdict = answers.find((name, at) => name === named || String(at + 1) === key);
  if (verdict) return () => decide(verdict);
  if (["u", "backspace", "arrowdown"].includes(key)) return () => queue?.undo();
  return key === "arrowup" ? () => queue?.later() : null;
}

/**
 * Nobody closes the page over decisions that aren't sent without being asked.
 *
 * @param {BeforeUnloadEvent} event
 */
function leaving(event) {
  if ([...queues.values()].some(({ outbox }) => outbox.count)) event.preventDefault();
}

function nothing() {
  const home = element("a", { class: "button primary", href: "/" }, t("review.home"));
  const heading = element("h1", { tabindex: -1 }, t("review.none"));
  return element("div", { class: "page" }, element("header", { class: "head" }, mark(), heading), home);
}

async function start() {
  const me = await signedIn();
  if (me.role === "annotator") return main().replaceChildren(refusal(me, "review"));
  if (!me.campaigns.length) return main().replaceChildren(nothing());
  reviewer = me.key;
  addEventListener("hashchange", () => open(me.campaigns));
  addEventListener("keydown", pressed);
  addEventListener("beforeunload", leaving);
  document.addEventListener("visibilitychange", () => !document.hidden && queue?.refill());
  setInterval(() => !document.hidden && queue?.refill(), REFRESH_MS);
  open(me.campaigns);
}

start();
