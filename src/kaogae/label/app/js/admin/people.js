/** Who was invited, and the form that invites. */
import { t } from "../i18n.js";
import { cell, row, table } from "./charts.js";
import { element } from "../element.js";
import { isolated, own } from "./morph.js";
import { dateAndTime, relative } from "./format.js";

/** @typedef {import("../types.js").CampaignReport} Report */
/** @typedef {import("../types.js").Person} Person */

const ROLES = ["annotator", "reviewer", "admin"];

/**
 * @param {{people: Person[], campaigns: Report[]}} data
 * @param {string} me nobody takes their own access away by mistake
 */
export function people({ people, campaigns }, me) {
  return element(
    "div",
    { class: "people" },
    element("h1", { tabindex: -1 }, t("admin.people")),
    invitationForm(campaigns.filter(({ open }) => open)),
    element("section", { class: "card", id: "people", "data-key": "people" }, list(people, me)),
  );
}

/**
 * @param {Person[]} people
 * @param {string} me
 */
function list(people, me) {
  const columns = ["role", "campaigns", "link", "browsers"].map((key) => t(`admin.${key}`));
  const head = [t("admin.name"), ...columns, element("span", { class: "only-heard" }, t("admin.actions"))];
  const rows = people.map((person) => personRow(person, columns, person.name === me));
  return table({ caption: t("admin.people_caption"), name: "persons", cards: true, head, rows });
}

/**
 * @param {Person} person
 * @param {string[]} columns
 * @param {boolean} self
 */
function personRow(person, columns, self) {
  const { id, name, role, everywhere, campaigns, signed_in } = person;
  const named = campaigns.flatMap((campaign, at) => [at ? ", " : null, own(campaign)]);
  const sees = everywhere ? t("admin.every") : named.length ? named : "–";
  const cells = [
    cell(columns[0], t(`home.role.${role}`)),
    element("td", { role: "cell", "data-label": columns[1] }, element("span", {}, sees)),
    cell(columns[2], link(person)),
    cell(columns[3], signed_in ? t("admin.in_browsers", { n: signed_in }) : t("admin.nowhere")),
    element(
      "td",
      { role: "cell", class: "act" },
      again(person),
      !self && !person.revoked_at && revoke(id, name),
    ),
  ];
  const made = row(
    `person ${id}`,
    self ? [own(name), " ", element("span", { class: "chip" }, t("admin.you"))] : own(name),
    cells,
  );
  made.dataset["person"] = String(id);
  return made;
}

/** @param {Person} person how it stands with their link */
function link({ expires_at, revoked_at }) {
  const [word, tone, moment] = revoked_at
    ? ["revoked", "bad", revoked_at]
    : expires_at && Date.parse(expires_at) < Date.now()
      ? ["expired", "warn", expires_at]
      : ["valid", "good", expires_at];
  const chip = element("span", { class: `chip ${tone}` }, t(`admin.${word}`));
  if (!moment) return chip;
  const time = element(
    "time",
    { datetime: moment, title: dateAndTime(moment), class: "quiet" },
    relative(moment),
  );
  return element("span", { class: "link" }, chip, " ", time);
}

/** @param {Person} person */
function again({ id, name }) {
  const label = t("admin.again_for", { name: isolated(name) });
  return element(
    "button",
    { class: "button", type: "button", "data-do": "again", "data-id": id, "aria-label": label },
    t("admin.again"),
  );
}

/**
 * @param {number} id
 * @param {string} name
 */
function revoke(id, name) {
  const label = t("admin.revoke_for", { name: isolated(name) });
  return element(
    "button",
    { class: "button danger", type: "button", "data-do": "revoke", "data-id": id, "aria-label": label },
    t("admin.revoke"),
  );
}

/** @param {Report[]} campaigns that are open */
function invitationForm(campaigns) {
  const roles = ROLES.map((role, at) =>
    element("label", {}, radio(role, at === 0), element("span", {}, t(`home.role.${role}`))),
  );
  const chosen = campaigns.map(({ id, name }) =>
    element(
      "label",
      { class: "choice" },
      element("input", { type: "checkbox", name: "campaign", value: id }),
      own(name),
    ),
  );
  const all = element("input", { type: "checkbox", name: "all", checked: true });
  const name = element("input", {
    id: "who",
    name: "name",
    required: true,
    maxlength: 60,
    autocomplete: "off",
  });
  const days = element("input", {
    id: "days",
    name: "days",
    type: "number",
    min: 1,
    max: 366,
    value: 30,
    required: true,
    inputmode: "numeric",
  });
  const which = element(
    "fieldset",
    { name: "which" },
    element("legend", {}, t("admin.campaigns")),
    element("label", { class: "choice" }, all, element("span", {}, t("admin.all_open"))),
    element("div", { class: "chosen", hidden: true }, chosen),
    element("p", { class: "hint quiet small", hidden: true }, t("admin.sees_all")),
  );
  return element(
    "form",
    {
      id: "invite-form",
      class: "card",
      "data-still": true,
      "data-key": "invite",
      "aria-labelledby": "invite-heading",
    },
    element("h2", { id: "invite-heading" }, t("admin.invite")),
    element(
      "div",
      { class: "field" },
      element("label", { for: "who" }, t("admin.name")),
      name,
      hint("admin.name_hint"),
    ),
    element(
      "fieldset",
      { class: "field" },
      element("legend", {}, t("admin.role")),
      element("div", { class: "segments" }, roles),
    ),
    which,
    element(
      "div",
      { class: "field" },
      element("label", { for: "days" }, t("admin.days")),
      days,
      hint("admin.days_hint"),
    ),
    element("button", { class: "button primary wide", type: "submit" }, t("admin.make_link")),
  );
}

/**
 * @param {string} role
 * @param {boolean} checked
 */
const radio = (role, checked) => element("input", { type: "radio", name: "role", value: role, checked });

/** @param {string} key */
const hint = (key) => element("span", { class: "hint" }, t(key));
