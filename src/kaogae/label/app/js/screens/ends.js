/** What is shown when there is no face to judge: why, and what to do. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

/** @typedef {import("../desk.js").Desk} Desk */

/** @type {Object<string, string>} */
const DRAWN = { offline: "offline", unreachable: "offline", "signed-out": "out", closed: "close" };

/**
 * @param {string} situation
 * @param {Desk|null} desk
 * @returns {HTMLElement}
 */
export function ending(situation, desk) {
  if (situation === "loading") {
    return element("p", { class: "quiet" }, t("label.loading"));
  }
  const done = situation === "done" && desk;
  const more = done && !desk.progress.mine ? "end.done.none" : `end.${situation}.more`;
  return element("div", { class: "ending" },
    done ? element("div", { class: "seal", "aria-hidden": "true" }, "済")
      : element("div", { class: "round" }, icon(DRAWN[situation] ?? "help")),
    element("h2", { tabindex: "-1" }, t(`end.${situation}`)),
    element("p", { class: "quiet" }, t(more, done ? { n: desk.progress.mine } : {})),
    done && desk.progress.mine > 0 && figures(desk),
    done && desk.waiting > 0 &&
      element("p", { class: "note warn" }, t("end.done.waiting", { n: desk.waiting })),
    element("div", { class: "row" },
      situation === "signed-out" &&
        element("button", { class: "button primary", type: "button", onclick: () => location.reload() },
          t("end.signed-out.go")),
      element("a", { class: situation === "signed-out" ? "button" : "button primary", href: "#" },
        t("end.home"))));
}

/** @param {Desk} desk */
function figures({ progress, pace }) {
  const figure = (/** @type {number} */ n, /** @type {string} */ what) =>
    element("div", {}, element("dd", {}, String(n)), element("dt", {}, what));
  return element("dl", { class: "figures" },
    figure(progress.mine, t("end.faces")),
    pace !== null && figure(Math.round(pace), t("end.minute")));
}
