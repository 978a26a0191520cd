/** All campaigns, at a glance. */
import { api } from "../api.js";
import { t } from "../i18n.js";
import { bars, shares, total } from "./charts.js";
import { element } from "../element.js";
import { own } from "./morph.js";
import { answer, kappaWord, number, percent, ratio } from "./format.js";

/** @typedef {import("../types.js").CampaignReport} Report */

const STATES = ["agreed", "reviewed", "disputed", "open"];

/** How far people agree is told with one campaign alone. @type {Map<number, {of: string, report: Report}>} */
const asked = new Map();

/** @param {Report} report */
const progress = ({ states }) => JSON.stringify(states);

/**
 * The list, with how far people agree as it was told last.
 *
 * @returns {Promise<Report[]>}
 */
export async function campaigns() {
  const reports = await api.campaigns();
  return reports.map((report) => {
    const { fleiss_kappa, observed } = asked.get(report.id)?.report ?? report;
    return { ...report, fleiss_kappa, observed };
  });
}

/**
 * Asks how far people agree, of campaigns that have gone on since.
 *
 * @param {Report[]} reports
 * @returns {Promise<boolean>} whether there is something new
 */
export async function askAgreement(reports) {
  const old = reports.filter((report) => asked.get(report.id)?.of !== progress(report));
  for (const report of old)
    asked.set(report.id, { of: progress(report), report: await api.campaign(report.id) });
  return old.length > 0;
}

/** @param {Report[]} reports */
export function overview(reports) {
  const list = reports.length ? element("ul", { class: "campaigns" }, reports.map(card)) : nothingYet();
  return element("div", {}, element("h1", { tabindex: -1 }, t("admin.campaigns")), list);
}

function nothingYet() {
  const command = element("code", {}, "kaogae label new NAME");
  return element(
    "div",
    { class: "card empty" },
    element("p", {}, t("admin.no_campaigns")),
    element("p", {}, command),
  );
}

/** @param {Report} report */
function card(report) {
  const link = element("a", { href: `#campaign=${report.id}` }, own(report.name));
  return element(
    "li",
    { class: "card campaign", "data-key": report.id, "data-campaign": report.id },
    element("header", {}, element("h2", {}, link), badges(report)),
    states(report),
    figures(report),
    report.kind === "clean" || total(report.verdicts) ? verdicts(report) : null,
  );
}

/** @param {Report} report what kind it is and whether it takes votes */
export function badges({ kind, blind, open }) {
  return element(
    "p",
    { class: "row chips" },
    element("span", { class: "chip" }, t(`home.kind.${kind}`)),
    blind && kind === "clean" ? element("span", { class: "chip" }, t("home.kind.blind")) : null,
    element(
      "span",
      { class: open ? "chip good" : "chip", "data-open": open ? "yes" : "no" },
      t(open ? "admin.is_open" : "admin.is_closed"),
    ),
  );
}

/** @param {Report} report */
export function states(report) {
  return shares(
    STATES.map((name) => ({ name, label: t(`admin.state.${name}`), count: report.states[name] ?? 0 })),
  );
}

/** @param {Report} report */
export function verdicts(report) {
  const parts = report.answers.map((name) => ({
    name,
    label: answer(name),
    count: report.verdicts[name] ?? 0,
  }));
  return bars(parts, t("admin.verdicts"));
}

/** @param {Report} report the few numbers that say how it goes */
export function figures(report) {
  const settled = report.items - (report.states["open"] ?? 0);
  const kappa = report.fleiss_kappa;
  const list = [
    figure(
      "settled",
      percent(report.items ? settled / report.items : 0),
      `${number(settled)} / ${number(report.items)}`,
    ),
    figure("kappa", ratio(kappa), kappaNote(report)),
    figure("observed", percent(report.observed), t("admin.observed_note")),
  ];
  if (report.kind === "clean") list.push(figure("changed", number(report.changed), t("admin.changed_note")));
  return element("dl", { class: "figures" }, list);
}

/** @param {Report} report */
function kappaNote({ id, fleiss_kappa, annotators }) {
  if (fleiss_kappa !== null) return kappaWord(fleiss_kappa);
  return annotators.length || asked.has(id) ? t("admin.kappa.none") : "…";
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} note
 */
function figure(name, value, note) {
  return element(
    "div",
    { "data-figure": name },
    element("dt", {}, t(`admin.${name}`)),
    element("dd", {}, element("b", {}, value), element("small", {}, note)),
  );
}
