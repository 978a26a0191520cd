/** What a reviewer sees: the face, what people said, the answers. Built once; then only words change. */
import { api } from "../api.js";
import { element, icon, mark } from "../element.js";
import { t } from "../i18n.js";

/** @typedef {import("../types.js").Answer} Answer */
/** @typedef {import("../types.js").CampaignCard} CampaignCard */
/** @typedef {import("../types.js").ReviewItem} ReviewItem */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} Deeds
 * @property {(verdict: Answer) => void} decide
 * @property {() => void} undo
 * @property {() => void} later
 * @property {() => void} again asks once more
 */

const SIZE = 960;

export class Screen {
  /** @type {Map<number, HTMLImageElement>} kept until shown, so that the next face is there at once */
  #pictures = new Map();

  /**
   * @param {CampaignCard[]} campaigns
   * @param {CampaignCard} campaign
   * @param {Deeds} deeds
   */
  constructor(campaigns, campaign, deeds) {
    this.campaign = campaign;
    this.face = element("img", {
      id: "face",
      alt: t("review.face"),
      width: 480,
      height: 480,
      decoding: "sync",
    });
    this.label = element("span", { class: "chip", id: "label" });
    this.tally = element("ul", { class: "tally", "aria-label": t("review.votes") });
    this.waiting = element("span", { class: "chip", id: "waiting" });
    this.note = element("p", { class: "note warn", id: "situation", role: "status", hidden: true });
    this.last = element("span", { class: "quiet small", id: "last" });
    this.heard = element("p", { class: "only-heard", role: "status" });
    this.undo = tool("undo", t("review.undo"), "↓", deeds.undo);
    this.later = tool("skip", t("review.later"), "↑", deeds.later);
    this.answers = campaign.answers.map((name, at) => answer(name, at, () => deeds.decide(name)));
    this.again = element(
      "button",
      { class: "button primary", type: "button", onclick: deeds.again },
      t("say.again"),
    );
    this.work = this.#work();
    this.rest = element("div", { class: "rest card", id: "empty", hidden: true });
    this.option = element("option", { value: campaign.id, selected: true });
    const head = heading(campaigns, this.option, this.waiting);
    this.root = element("div", { class: "review" }, head, this.note, this.work, this.rest, this.heard);
  }

  #work() {
    const question = element("h2", { class: "question" }, t("review.decide"));
    return element(
      "div",
      { class: "work", hidden: true },
      element("figure", { class: "picture" }, this.face),
      element(
        "div",
        { class: "side" },
        element("section", { class: "said", "aria-label": t("review.votes") }, this.label, this.tally),
        element(
          "section",
          { class: "decide", "aria-label": t("review.answers") },
          question,
          element("div", { class: "answers" }, this.answers),
        ),
        element("div", { class: "tools" }, this.undo, this.last, this.later),
      ),
    );
  }

  /** @param {Queue} queue */
  show(queue) {
    const { current, situation } = queue;
    this.work.hidden = situation === "failed" || (situation === "ready" && !current);
    this.work.toggleAttribute("inert", situation === "loading");
    this.rest.hidden = !this.work.hidden;
    if (current) this.#item(current);
    else delete this.face.dataset["item"];
    this.#preload([current, ...queue.upcoming]);
    if (!this.rest.hidden) this.#resting(queue);
    this.waiting.textContent =
      situation === "ready" && queue.waiting ? t("review.waiting", { n: queue.waiting }) : "";
    this.option.textContent = t("review.option", { name: this.campaign.name, n: queue.waiting });
    const last = queue.last;
    this.undo.disabled = !last;
    this.last.textContent = last ? t("review.decided", { answer: t(`answer.${last.verdict}`) }) : "";
    this.#said(queue);
  }

  /** @param {ReviewItem} item */
  #item({ id, label, tally }) {
    if (this.face.dataset["item"] === String(id)) return;
    const shown = this.campaign.kind === "clean" && !this.campaign.blind;
    this.face.dataset["item"] = String(id);
    this.face.src = api.imageUrl(id, SIZE);
    this.label.hidden = !shown;
    this.label.textContent = label
      ? t("review.label", { answer: t(`answer.${label}`) })
      : t("review.no_label");
    if (label) this.label.dataset["answer"] = label;
    else delete this.label.dataset["answer"];
    const all = Object.values(tally).reduce((sum, count) => sum + count, 0);
    const said = this.campaign.answers.filter((name) => tally[name]).sort((a, b) => tally[b] - tally[a]);
    const lines = Math.max(said.length, Number(this.tally.style.getPropertyValue("--lines")) || 3);
    this.tally.style.setProperty("--lines", String(lines)); // never fewer again: the face keeps its size
    this.tally.replaceChildren(...said.map((name) => line(name, tally[name], all)));
    this.heard.textContent = [
      shown ? this.label.textContent : "",
      ...said.map((name) => `${t(`answer.${name}`)} ${tally[name]}`),
    ].join(", ");
    for (const button of this.answers)
      button.classList.toggle("said", Boolean(tally[button.dataset["verdict"] ?? ""]));
  }

  /** @param {(ReviewItem|null)[]} items */
  #preload(items) {
    const wanted = new Set(items.map((item) => item?.id ?? 0));
    for (const id of this.#pictures.keys()) if (!wanted.has(id)) this.#pictures.delete(id);
    for (const id of wanted) {
      if (!id || this.#pictures.has(id)) continue;
      const picture = new Image();
      picture.src = api.imageUrl(id, SIZE);
      picture.decode().catch(() => this.#pictures.delete(id));
      this.#pictures.set(id, picture);
    }
  }

  /** @param {Queue} queue */
  #resting({ situation, problem, outbox }) {
    const failed = situation === "failed";
    const heading = t(failed ? "review.failed" : "review.empty");
    const text = failed
      ? t(problem)
      : outbox.count
        ? t("review.sending", { n: outbox.count })
        : t("review.empty_text");
    const key = `${heading}${text}${this.undo.disabled}`;
    if (this.rest.dataset["shows"] === key) return;
    this.rest.dataset["shows"] = key;
    const undo = !this.undo.disabled && tool("undo", t("review.undo"), "↓", () => this.undo.click());
    const home = element("a", { class: "button primary", href: "/" }, t("review.home"));
    this.rest.replaceChildren(
      element("span", { class: "sign", "data-failed": failed }, icon(failed ? "offline" : "keep")),
      element("h2", { tabindex: -1 }, heading),
      element("p", { class: "quiet" }, text),
      element("div", { class: "row" }, failed ? this.again : home, undo),
    );
  }

  /** @param {Queue} queue */
  #said({ outbox, situation, problem }) {
    const unasked = situation === "failed" ? "" : t(problem);
    const unsent = outbox.stuck && t("review.unsent", { n: outbox.count, reason: t(outbox.problem) });
    const text = unsent || unasked;
    if (this.note.textContent !== text) this.note.textContent = text;
    this.note.hidden = !text;
  }
}

/**
 * @param {Answer} name
 * @param {number} at
 * @param {() => void} decide
 */
function answer(name, at, decide) {
  const attributes = {
    type: "button",
    class: "answer",
    "data-verdict": name,
    "data-answer": name,
    "aria-keyshortcuts": `${at + 1}`,
    onclick: decide,
  };
  return element(
    "button",
    attributes,
    icon(name),
    element("span", {}, t(`answer.${name}`)),
    element("kbd", { "aria-hidden": "true" }, at + 1),
  );
}

/**
 * @param {string} name
 * @param {string} word
 * @param {string} key
 * @param {() => void} onclick
 */
function tool(name, word, key, onclick) {
  const button = element("button", { class: "button bare", type: "button", "data-action": name, onclick });
  button.append(icon(name), word, element("kbd", { "aria-hidden": "true" }, key));
  return button;
}

/**
 * @param {Answer} name
 * @param {number} count
 * @param {number} all
 */
function line(name, count, all) {
  return element(
    "li",
    { "data-answer": name, "--share": count / all },
    element("span", { class: "name" }, t(`answer.${name}`)),
    element("span", { class: "beam", "aria-hidden": "true" }),
    element("b", {}, t("review.count", { n: count })),
  );
}

/**
 * @param {CampaignCard[]} campaigns
 * @param {HTMLOptionElement} current
 * @param {HTMLElement} waiting
 */
function heading(campaigns, current, waiting) {
  const options = campaigns.map(({ id, name, disputed }) =>
    String(id) === current.value
      ? current
      : element("option", { value: id }, t("review.option", { name, n: disputed ?? 0 })),
  );
  const go = (/** @type {Event} */ { target }) => {
    if (target instanceof HTMLSelectElement) location.hash = `campaign=${target.value}`;
  };
  const which =
    campaigns.length > 1
      ? element("select", { id: "campaign", "aria-label": t("review.campaign"), onchange: go }, options)
      : element("bdi", { class: "which quiet" }, campaigns[0].name);
  return element(
    "header",
    { class: "head" },
    element("a", { href: "/", class: "brand", "aria-label": t("review.home") }, mark()),
    element("h1", { tabindex: -1 }, t("review.title")),
    which,
    waiting,
  );
}
