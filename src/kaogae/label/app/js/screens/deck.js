/**
 * The stack of cards: the face to judge in front, the next ones behind it, their pictures decoded beforehand,
 * so that a vote needs nothing but a change of classes to have the next face on the screen.
 */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

/** @typedef {import("../types.js").Item} Item */
/** @typedef {import("../types.js").Answer|"keep"} Stamp */
/** @typedef {"right"|"left"|"up"|"down"} Way */
/** @typedef {{way?: Way, stamp?: Stamp}} Leaving where the card in front goes, and what is stamped on it */

const BEHIND = 3;
const PAST = 3;
const LEAVE_MS = 260;

const AWAY = {
  right: "translate(115%, 4%) rotate(16deg)",
  left: "translate(-115%, 4%) rotate(-16deg)",
  up: "translate(0, -48%) rotate(-2deg) scale(0.94)",
  down: "translate(0, 42%) rotate(2deg) scale(0.94)",
};

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Deck {
  /**
   * @param {HTMLElement} place
   * @param {{labels: boolean, imageUrl: (item: number) => string}} options labels: cards have a place for one
   */
  constructor(place, { labels, imageUrl }) {
    this.place = place;
    this.labels = labels;
    this.imageUrl = imageUrl;
    /** @type {Map<number, HTMLElement>} item -> its card */
    this.cards = new Map();
    /** @type {Map<number, HTMLElement>} those that just went, should they be asked back */
    this.past = new Map();
    /** @type {number|null} */
    this.front = null;
  }

  /**
   * Brings the stack in line with the desk.
   * @param {Item|null} current
   * @param {Item[]} upcoming
   * @param {Leaving} leaving
   */
  show(current, upcoming, { way, stamp }) {
    const stays = this.front === (current?.id ?? null); // a finger may just have it
    const stack = current ? [current, ...upcoming.slice(0, BEHIND)] : [];
    const gone = this.front !== null && this.front !== current?.id ? this.cards.get(this.front) : undefined;
    const returns = current && gone && !this.cards.get(current.id)?.isConnected;
    stack.forEach((item, depth) => this.lay(item, depth));
    const ids = new Set(stack.map(({ id }) => id));
    for (const [id, card] of this.cards) {
      if (!ids.has(id)) this.drop(id, card, card === gone ? way : undefined, stamp);
    }
    this.front = current?.id ?? null;
    if (returns && current) this.arrive(current.id, way);
    if (!stays) this.follow(0, 0);
  }

  /** The card in front. */
  get card() {
    return this.front === null ? undefined : this.cards.get(this.front);
  }

  /**
   * @param {Item} item
   * @param {number} depth
   */
  lay(item, depth) {
    const card = this.cards.get(item.id) ?? this.back(item.id) ?? this.build(item);
    this.cards.set(item.id, card);
    card.dataset["depth"] = String(depth);
    card.setAttribute("aria-hidden", String(depth > 0));
    if (item.id !== this.front) card.style.transform = "";
    if (!card.isConnected) this.place.append(card);
    const face = /** @type {HTMLImageElement} */ (card.querySelector("img"));
    face.id = depth ? "" : "face";
    if (depth) face.removeAttribute("id");
    face.alt = depth ? "" : t("label.face");
  }

  /** @param {number} id */
  back(id) {
    const card = this.past.get(id);
    this.past.delete(id);
    card?.getAnimations().forEach((leaving) => leaving.cancel());
    card?.remove();
    return card;
  }

  /** @param {Item} item */
  build(item) {
    const face = element("img", { draggable: "false", decoding: "sync", "data-item": item.id, alt: "" });
    const card = element("div", { class: "sheet-of-paper" },
      element("div", { class: "pegs", "aria-hidden": "true" }, element("i"), element("i"), element("i")),
      element("div", { class: "frame" }, face, element("div", { class: "broken-note" },
        element("strong", {}, t("label.picture")),
        element("span", { class: "quiet small" }, t("label.picture.more")))),
      this.labels && element("div", { class: "strip" }, said(item)),
      element("div", { class: "stamp", "aria-hidden": "true" }));
    face.addEventListener("error", () => card.classList.add("broken"));
    face.addEventListener("load", () => card.classList.remove("broken"));
    face.src = this.imageUrl(item.id);
    face.decode().catch(() => undefined);
    return card;
  }

  /**
   * @param {number} id
   * @param {HTMLElement} card
   * @param {Way} [way] where to; without one it is just gone
   * @param {Stamp} [stamp]
   */
  drop(id, card, way, stamp) {
    this.cards.delete(id);
    this.past.set(id, card);
    for (const old of [...this.past.keys()].slice(0, -PAST)) this.past.delete(old);
    card.querySelector("img")?.removeAttribute("id");
    card.setAttribute("aria-hidden", "true");
    if (!way || still.matches) return card.remove();
    if (stamp) this.stamp(stamp, 1, card);
    card.dataset["depth"] = "gone";
    const from = card.style.transform || "none";
    const leaving = card.animate([{ transform: from, opacity: 1 }, { transform: AWAY[way], opacity: 0 }],
      { duration: LEAVE_MS, easing: "cubic-bezier(0.3, 0.6, 0.6, 1)", fill: "forwards" });
    leaving.finished.then(() => card.remove(), () => undefined);
  }

  /**
   * @param {number} id
   * @param {Way} [way] from where
   */
  arrive(id, way) {
    if (!way || still.matches) return;
    this.cards.get(id)?.animate([{ transform: AWAY[way], opacity: 0.4 }, { transform: "none", opacity: 1 }],
      { duration: LEAVE_MS, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" });
  }

  /**
   * The card in front goes along with the finger, the next one comes nearer.
   * @param {number} dx
   * @param {number} dy
   */
  follow(dx, dy) {
    const { card } = this;
    this.place.classList.toggle("held", dx !== 0 || dy !== 0);
    this.place.style.setProperty("--lift", String(Math.min(1, Math.hypot(dx, dy) / 160)));
    if (!card) return;
    card.style.transform = dx || dy ? `translate(${dx}px, ${dy}px) rotate(${dx * 0.045}deg)` : "";
    if (!dx && !dy) this.stamp(null, 0);
  }

  /**
   * What will happen, written on the card before it is let go.
   * @param {Stamp|null} answer
   * @param {number} strength 0 … 1
   * @param {HTMLElement} [card]
   */
  stamp(answer, strength, card = this.card) {
    const stamp = /** @type {HTMLElement|null} */ (card?.querySelector(".stamp"));
    if (!stamp) return;
    stamp.style.opacity = String(answer ? strength : 0);
    if (!answer || stamp.dataset["answer"] === answer) return;
    stamp.dataset["answer"] = answer;
    stamp.replaceChildren(icon(answer), t(`answer.${answer}`));
  }
}

/** @param {Item} item what the tag says about it */
function said(item) {
  if (!item.label) return element("span", { class: "chip" }, t("label.nothing"));
  const answer = t(`answer.${item.label}`);
  return element("span", { class: "chip says", "data-answer": item.label }, icon(item.label),
    element("span", { class: "only-heard" }, t("label.says", { answer })),
    element("span", { "aria-hidden": "true" }, answer));
}
