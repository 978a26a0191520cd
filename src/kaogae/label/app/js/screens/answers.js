/** The buttons of the labelling screen: every answer and tool, for thumbs, mice, keys and screen readers. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";
import { drawn } from "./examples.js";

/** @typedef {import("../types.js").Answer} Answer */
/** @typedef {import("../types.js").CampaignCard} CampaignCard */

/**
 * @typedef {object} Acts what the buttons, keys and gestures do
 * @property {(verdict: Answer) => void} vote
 * @property {() => void} keep
 * @property {() => void} skip
 * @property {() => void} undo
 * @property {(scale?: number) => void} zoom
 * @property {() => void} fan
 * @property {() => void} help
 */

/**
 * Whether the campaign shows what the tag says, so that it can be kept.
 * @param {CampaignCard} campaign
 */
export const keeps = ({ kind, blind }) => kind === "clean" && !blind;

/**
 * The expressions and "other": what goes into the grid and the fan.
 * @param {CampaignCard} campaign
 */
export const expressions = ({ answers }) => answers.filter((answer) => answer !== "unusable");

/**
 * @param {CampaignCard} campaign
 * @param {Acts} acts
 */
export function answers(campaign, acts) {
  const question = t(keeps(campaign) ? "label.question.clean" : "label.question.blind");
  const first = [
    campaign.answers.includes("unusable") &&
      choice("unusable", { "data-verdict": "unusable" }, "←", () => acts.vote("unusable")),
    keeps(campaign) && choice("keep", { "data-action": "keep" }, "→", acts.keep),
  ].filter((button) => button);
  return element("section", { class: "answers", "aria-labelledby": "question" },
    element("h2", { id: "question" }, question),
    element("div", { class: "expressions" }, expressions(campaign).map((answer, index) =>
      choice(answer, { "data-verdict": answer }, String(index + 1), () => acts.vote(answer)))),
    first.length > 0 && element("div", { class: "verdicts" }, first));
}

/**
 * @param {Answer|"keep"} answer
 * @param {Object<string, string>} attributes
 * @param {string} key
 * @param {() => void} act
 */
function choice(answer, attributes, key, act) {
  const inGrid = answer !== "keep" && answer !== "unusable";
  return element("button", { class: "choice-of-face", type: "button", "data-answer": answer,
    "aria-keyshortcuts": KEYS[key] ?? key, ...attributes, onclick: act },
    inGrid && drawn(answer, ""),
    icon(answer),
    element("span", { class: "word" }, t(`answer.${answer}`)),
    inGrid && element("span", { class: "means", "aria-hidden": "true" }, t(`examples.${answer}`)),
    element("kbd", { "aria-hidden": "true" }, key));
}

/** @type {Object<string, string>} how ARIA calls the keys */
const KEYS = { "←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown" };

/** @param {Acts} acts */
export function tools(acts) {
  return element("div", { class: "tools", role: "group", "aria-label": t("label.tools") },
    tool("undo", "↓", acts.undo),
    tool("skip", "↑", acts.skip),
    tool("fan", "", acts.fan),
    tool("zoom", "Z", () => acts.zoom()));
}

/**
 * @param {string} name
 * @param {string} key
 * @param {() => void} act
 */
function tool(name, key, act) {
  return element("button", { class: "tool", type: "button", "data-action": name,
    "aria-keyshortcuts": key ? KEYS[key] ?? key : null, onclick: act },
    icon(name), element("span", { class: "word" }, t(`label.${name}`)),
    key && element("kbd", { "aria-hidden": "true" }, key));
}
