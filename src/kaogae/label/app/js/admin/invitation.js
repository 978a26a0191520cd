/** Inviting somebody: what the form says, and the link that is shown once. */
import { api } from "../api.js";
import { t } from "../i18n.js";
import { toast } from "../screens/toast.js";
import { shown } from "./dialogs.js";
import { element } from "../element.js";
import { isolated } from "./morph.js";

/** @typedef {import("../types.js").Invitation} Invitation */
/** @typedef {import("../types.js").Person} Person */

/**
 * Sends the form; the person's link stands in a dialog then.
 *
 * @param {HTMLFormElement} form
 */
export async function invite(form) {
  const values = new FormData(form);
  const role = /** @type {import("../types.js").Role} */ (values.get("role"));
  const every = role === "admin" || values.has("all");
  const invitation = await api.invite({
    name: String(values.get("name")).trim(),
    role,
    campaigns: every ? null : values.getAll("campaign").map(Number),
    everywhere: every,
    days: Number(values.get("days")),
  });
  form.reset();
  arrange(form);
  show(invitation);
}

/**
 * Shows what has to be chosen, as the form stands: an admin sees every campaign.
 *
 * @param {HTMLFormElement} form
 */
export function arrange(form) {
  const values = new FormData(form);
  const admin = values.get("role") === "admin";
  const all = values.has("all");
  toggle(form, ".choice:has([name=all])", !admin);
  toggle(form, ".chosen", !admin && !all);
  toggle(form, ".hint.quiet", admin);
  const boxes = [...form.querySelectorAll("[name=campaign]")].filter(
    (box) => box instanceof HTMLInputElement,
  );
  const missing = !admin && !all && !values.has("campaign");
  const first = boxes[0] ?? form.querySelector("[name=all]");
  if (first instanceof HTMLInputElement) first.setCustomValidity(missing ? t("admin.choose_one") : "");
}

/**
 * @param {HTMLFormElement} form
 * @param {string} selector
 * @param {boolean} visible
 */
function toggle(form, selector, visible) {
  const found = form.querySelector(selector);
  if (found instanceof HTMLElement) found.hidden = !visible;
}

/**
 * The form, filled in for somebody who needs a new link.
 *
 * @param {HTMLFormElement} form
 * @param {Person} person
 * @param {{id: number, name: string}[]} campaigns
 */
export function prefill(form, { name, role, everywhere, campaigns: theirs }, campaigns) {
  form.reset();
  const field = (/** @type {string} */ selector) => form.querySelector(selector);
  const who = field("[name=name]");
  if (who instanceof HTMLInputElement) who.value = name;
  const radio = field(`[name=role][value=${role}]`);
  if (radio instanceof HTMLInputElement) radio.checked = true;
  const ids = new Set(
    campaigns.filter((campaign) => theirs.includes(campaign.name)).map(({ id }) => String(id)),
  );
  const all = field("[name=all]");
  if (all instanceof HTMLInputElement) all.checked = everywhere;
  for (const box of form.querySelectorAll("[name=campaign]")) {
    if (box instanceof HTMLInputElement) box.checked = ids.has(box.value);
  }
  arrange(form);
  form.scrollIntoView({ block: "nearest" });
  if (who instanceof HTMLInputElement) who.focus();
}

/** @param {Invitation} invitation */
function show({ person, link, qr }) {
  const name = isolated(person.name);
  const source = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(qr)}`;
  /** @type {HTMLInputElement} */
  const field = element("input", {
    id: "link",
    readonly: true,
    value: link,
    onfocus: () => field.select(),
    "aria-label": t("admin.link_for", { name }),
  });
  const copy = element(
    "button",
    { class: "button primary", type: "button", id: "copy", onclick: () => copied(field) },
    t("admin.copy"),
  );
  const give = () => navigator.share({ title: t("admin.share_title"), url: link }).catch(() => {});
  const share = element(
    "button",
    { class: "button", type: "button", hidden: !navigator.share, onclick: give },
    t("admin.share"),
  );
  const done = element("form", { method: "dialog" }, element("button", { class: "button" }, t("admin.done")));
  const dialog = element(
    "dialog",
    { class: "sheet invitation", id: "invitation", "aria-labelledby": "invitation-heading" },
    element("h2", { id: "invitation-heading" }, t("admin.link_for", { name })),
    element("p", { class: "note warn" }, t("admin.only_now")),
    element("img", { class: "qr", src: source, alt: t("admin.qr", { name }), width: 240, height: 240 }),
    field,
    element("div", { class: "row" }, copy, share, element("span", { class: "grow" }), done),
  );
  shown(dialog);
  copy.focus();
}

/**
 * Copies by the clipboard's own way, or by the old one where the page came over plain http.
 *
 * @param {HTMLInputElement} field
 */
async function copied(field) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
    else {
      field.select();
      if (!document.execCommand("copy")) throw new Error("copy");
    }
    const copy = document.getElementById("copy");
    if (copy) copy.textContent = t("admin.copied");
  } catch {
    field.select();
    toast(t("admin.copy_yourself"), { bad: true });
  }
}
