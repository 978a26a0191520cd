/** How the labelling screen looks: built once, then brought in line with the desk. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";
import { answers, keeps, tools } from "./answers.js";
import { Deck } from "./deck.js";
import { ending } from "./ends.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("../types.js").Answer} Answer */
/** @typedef {import("../types.js").CampaignCard} CampaignCard */

export class View {
  /**
   * @param {HTMLElement} main
   * @param {CampaignCard} campaign
   * @param {Desk} desk
   * @param {import("./answers.js").Acts} acts
   * @param {HTMLElement} fan
   */
  constructor(main, campaign, desk, acts, fan) {
    this.desk = desk;
    this.stack = element("div", { class: "deck" });
    const imageUrl = (/** @type {number} */ item) => desk.imageUrl(item, 480);
    this.deck = new Deck(this.stack, { labels: keeps(campaign), imageUrl });
    this.progress = element("p", { id: "progress", class: "number" });
    this.bar = element("i");
    this.track = element("div", { class: "bar", role: "progressbar", "aria-labelledby": "progress" },
      this.bar);
    this.waiting = element("span", { id: "waiting", class: "chip", hidden: true });
    this.offline = element("span", { id: "offline", class: "chip warn", role: "status" });
    this.situation = element("div", { id: "situation", hidden: true });
    this.live = element("p", { id: "position", class: "only-heard", role: "status" });
    this.root = element("div", { class: "label", "data-kind": keeps(campaign) ? "open" : "blind" },
      element("header", { class: "top" },
        element("a", { class: "button bare square", href: "#", "aria-label": t("say.back") }, icon("back")),
        element("div", { class: "where" }, element("h1", { tabindex: "-1" }, campaign.name), this.progress),
        element("div", { class: "state" }, this.offline, this.waiting),
        element("button", { class: "button bare square", type: "button", "data-action": "help",
          "aria-label": t("label.help"), onclick: acts.help }, icon("help"))),
      this.track,
      element("section", { class: "stage", "aria-label": t("label.face") }, this.stack, this.situation),
      tools(acts),
      answers(campaign, acts),
      this.live, fan);
    main.replaceChildren(this.root);
    document.title = `${campaign.name} · ${t("app.name")}`;
  }

  /**
   * @param {import("./deck.js").Leaving} leaving how the card in front goes, if it goes
   * @param {Answer|"skip"|undefined} last what undo would take back
   * @returns {boolean} whether the situation has changed to one without a face
   */
  draw(leaving, last) {
    const { desk } = this;
    this.deck.show(desk.current, desk.upcoming, leaving);
    const { mine, left } = desk.progress;
    const pace = desk.pace === null ? "" : ` · ${t("label.pace", { n: Math.round(desk.pace) })}`;
    write(this.progress, t("label.progress", { mine, all: mine + left }) + pace);
    this.bar.style.transform = `scaleX(${mine / Math.max(1, mine + left)})`;
    this.track.setAttribute("aria-valuenow", String(mine));
    this.track.setAttribute("aria-valuemax", String(mine + left));
    this.waiting.hidden = desk.waiting === 0;
    write(this.waiting, t("label.waiting", { n: desk.waiting }));
    this.offline.classList.toggle("none", desk.online);
    write(this.offline, desk.online ? "" : t("label.offline"));
    this.enable("undo", desk.canUndo);
    for (const name of ["skip", "fan", "zoom"]) this.enable(name, desk.current !== null);
    this.enable("keep", Boolean(desk.current?.label));
    this.badge(desk.canUndo ? last : undefined);
    return this.situate(desk.situation);
  }

  /** @param {string} situation */
  situate(situation) {
    const before = this.root.dataset["situation"];
    this.root.dataset["situation"] = situation;
    this.situation.hidden = situation === "ready";
    const ends = situation === "ready" ? null : ending(situation, this.desk);
    if (ends?.textContent === this.situation.textContent) return false;
    const reading = this.situation.contains(document.activeElement);
    this.situation.replaceChildren(...(ends ? [ends] : []));
    if (situation !== before || reading) this.situation.querySelector("h2")?.focus();
    return situation !== before && ends !== null;
  }

  /**
   * @param {string} action
   * @param {boolean} on
   */
  enable(action, on) {
    this.root.querySelector(`[data-action="${action}"]`)?.setAttribute("aria-disabled", String(!on));
  }

  /** @param {Answer|"skip"|undefined} last */
  badge(last) {
    const undo = this.root.querySelector('[data-action="undo"]');
    const badge = /** @type {HTMLElement|null|undefined} */ (undo?.querySelector(".badge"));
    const shown = last === "skip" ? undefined : last;
    if (badge?.dataset["answer"] === shown) return;
    badge?.remove();
    if (!shown) return;
    const attributes = { class: "badge", "data-answer": shown, "aria-hidden": "true" };
    undo?.append(element("span", attributes, icon(shown)));
  }

  /**
   * Where one is, for those who can't see it.
   * @param {string} [first]
   */
  tell(first = "") {
    const { mine, left } = this.desk.progress;
    if (this.desk.current) write(this.live, first + t("label.position", { at: mine + 1, all: mine + left }));
  }

  /**
   * The button of what was done answers, however it was done.
   * @param {string} name
   */
  press(name) {
    const button = this.root.querySelector(`.answers [data-answer="${name}"]`);
    button?.animate([{ transform: "scale(0.94)", filter: "brightness(0.9)" }, {}], 180);
  }
}

/**
 * Only what changed, so that nothing is read or laid out for nothing.
 * @param {HTMLElement} place
 * @param {string} text
 */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
