/** What each expression means, with the atelier's drawings, and how the app is used. */
import { api } from "../api.js";
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

/** @typedef {import("../types.js").CampaignCard} CampaignCard */

const DRAWN = new Set(["happy", "sad", "crying", "neutral", "surprised"]);

/** @param {CampaignCard} campaign */
export function examples(campaign) {
  /** @type {HTMLButtonElement} */
  const close = element("button", { class: "button primary wide", type: "button",
    onclick: () => dialog.close() }, t("examples.start"));
  /** @type {HTMLDialogElement} */
  const dialog = element("dialog", { class: "sheet examples", "aria-labelledby": "examples-title" },
    element("h2", { id: "examples-title", tabindex: "-1" }, t("examples.title")),
    element("p", { class: "quiet" }, t("examples.why")),
    element("ul", { class: "meanings" }, campaign.answers.map(meaning)),
    element("div", { class: "examples-more" },
      element("div", {}, element("h3", {}, t("examples.gestures")),
        element("ul", { class: "moves" }, moves(campaign))),
      element("div", { class: "with-keys" }, element("h3", {}, t("examples.keys")), keys(campaign))),
    element("div", { class: "sheet-end" }, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("h2")?.focus();
}

/**
 * Shows it when this device opens a campaign for the first time.
 * @param {CampaignCard} campaign
 */
export function examplesOnce(campaign) {
  const key = `kaogae.seen.${campaign.id}`;
  try {
    if (localStorage.getItem(key)) return;
    localStorage.setItem(key, "1");
  } catch {
    return;
  }
  examples(campaign);
}

/**
 * The drawn example of an expression; nothing for what has none.
 * @param {string} answer
 * @param {string} alt
 */
export function drawn(answer, alt) {
  if (!DRAWN.has(answer)) {
    return element("span", { class: "drawn none", "data-answer": answer }, icon(answer));
  }
  const src = api.exampleUrl(answer);
  return element("img", { class: "drawn", src, alt, width: 72, height: 72, loading: "lazy" });
}

/** @param {string} answer */
function meaning(answer) {
  const name = t(`answer.${answer}`);
  return element("li", { "data-answer": answer },
    drawn(answer, t("examples.picture", { answer: name })),
    element("div", {},
      element("strong", {}, icon(answer), name),
      element("p", { class: "small" }, t(`examples.${answer}`))));
}

/** @param {CampaignCard} campaign */
function moves({ kind, blind, answers }) {
  const known = [
    kind === "clean" && !blind && "right",
    answers.includes("unusable") && "left",
    "up",
    "tap",
  ];
  return known.map((name) =>
    name && element("li", {}, icon(name === "tap" ? "zoom" : name), t(`examples.${name}`)));
}

/** @param {CampaignCard} campaign */
function keys({ kind, blind, answers }) {
  /** @type {[string[], string][]} */
  const rows = [[["1 – 5"], t("keys.expressions")], [["6", "O"], t("keys.other")]];
  if (kind === "clean" && !blind) rows.push([["→"], t("keys.keep")]);
  if (answers.includes("unusable")) rows.push([["←"], t("keys.unusable")]);
  rows.push([["↑"], t("keys.skip")], [["↓", "U"], t("keys.undo")]);
  rows.push([["Z"], t("keys.zoom")], [["?"], t("keys.help")]);
  return element("ul", { class: "keys" }, rows.map(([names, what]) =>
    element("li", {}, element("span", {}, names.map((name) => element("kbd", {}, name))), what)));
}
