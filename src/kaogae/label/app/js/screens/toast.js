/** Short messages at the top edge, which screen readers are told of and which take nobody's focus. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

const LASTS_MS = 6000;

/**
 * @param {string} text
 * @param {{bad?: boolean, onclose?: () => void}} [options] bad: stays until it is dismissed
 */
export function toast(text, options = {}) {
  const { bad = false, onclose } = options;
  const close = () => {
    made.remove();
    onclose?.();
  };
  const made = element(
    "div",
    { class: bad ? "toast bad" : "toast" },
    element("p", {}, text),
    element("button", { class: "button square", type: "button", "aria-label": t("say.dismiss"),
      onclick: close }, icon("close")),
  );
  place(bad).append(made);
  if (!bad) setTimeout(() => made.isConnected && close(), LASTS_MS);
}

/**
 * The live region, there before anything is said in it.
 * @param {boolean} bad
 */
function place(bad) {
  const id = bad ? "alerts" : "messages";
  return document.getElementById(id) ?? build(id, bad);
}

/**
 * @param {string} id
 * @param {boolean} bad
 */
function build(id, bad) {
  let toasts = document.querySelector(".toasts");
  if (!toasts) document.body.append((toasts = element("div", { class: "toasts" })));
  const region = element("div", { id, role: bad ? "alert" : "status", class: "stack" });
  toasts.append(region);
  return region;
}

build("alerts", true);
build("messages", false);
