/** Questions before what can't be taken back by itself. */
import { t } from "../i18n.js";
import { element } from "../element.js";

/**
 * Asks; true if the answer is yes.
 *
 * @param {{title: string, text: string, yes: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes, danger = false }) {
  const go = element("button", { class: danger ? "button danger" : "button primary", value: "yes" }, yes);
  const stay = element("button", { class: "button", value: "", autofocus: true }, t("say.cancel"));
  const form = element("form", { method: "dialog", class: "row end" }, stay, go);
  const heading = element("h2", { id: "question" }, title);
  const dialog = element(
    "dialog",
    { class: "sheet", "aria-labelledby": "question" },
    heading,
    element("p", {}, text),
    form,
  );
  return new Promise((resolve) => shown(dialog, () => resolve(dialog.returnValue === "yes")));
}

/**
 * Shows a dialog until it is closed, and takes it away then.
 *
 * @param {HTMLDialogElement} dialog
 * @param {() => void} [closed]
 */
export function shown(dialog, closed = () => {}) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
}
