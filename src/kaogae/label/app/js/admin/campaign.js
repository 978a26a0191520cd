/** One campaign: how far it is, who does what, how much they agree, and what was seen as what. */
import { api } from "../api.js";
import { t } from "../i18n.js";
import { agreement } from "./agreement.js";
import { cell, confusionTable, row, table, total } from "./charts.js";
import { element, icon } from "../element.js";
import { own } from "./morph.js";
import { answer, date, dateAndTime, number, percent, relative, seconds } from "./format.js";
import { badges, figures, states, verdicts } from "./overview.js";

/** @typedef {import("../types.js").CampaignReport} Report */
/** @typedef {import("../types.js").AnnotatorProgress} AnnotatorProgress */

/**
 * @param {Report} report
 * @param {[string, string]} pair whose confusion is shown
 */
export function campaign(report, pair) {
  return element(
    "div",
    { class: "detail", "data-campaign": report.id },
    head(report),
    section("progress", states(report), figures(report)),
    section("verdicts", verdicts(report)),
    section("annotators", annotators(report)),
    section("agreement", ...agreement(report, pair)),
    section("matrix", matrix(report)),
  );
}

/**
 * @param {string} name
 * @param {...Node} children
 */
function section(name, ...children) {
  const heading = `${name}-heading`;
  return element(
    "section",
    { class: "card", id: name, "data-key": name, "aria-labelledby": heading },
    element("h2", { id: heading }, t(`admin.${name}`)),
    children,
  );
}

/** @param {Report} report */
function head(report) {
  const { id, open } = report;
  const waiting = report.states["disputed"] ?? 0;
  const made = t("admin.made", { date: date(report.created_at), votes: report.annotators_per_item });
  return element(
    "header",
    { class: "top" },
    element("a", { class: "back", href: "#campaigns=all" }, icon("back"), t("admin.all_campaigns")),
    element("h1", { tabindex: -1 }, own(report.name)),
    badges(report),
    element("p", { class: "quiet" }, made),
    element(
      "div",
      { class: "actions" },
      element(
        "a",
        { class: waiting ? "button primary" : "button", href: `/review#campaign=${id}` },
        t("admin.review", { n: waiting }),
      ),
      files(id, "votes"),
      files(id, "labels"),
      element(
        "button",
        { class: "button", type: "button", "data-do": open ? "close" : "reopen" },
        t(open ? "admin.close" : "admin.reopen"),
      ),
    ),
  );
}

/**
 * Every vote, or what each face came to, to be taken away.
 *
 * @param {number} id
 * @param {"votes"|"labels"} what
 */
function files(id, what) {
  const link = (/** @type {"csv"|"jsonl"} */ form) => {
    const attributes = { class: "button", href: api.exportUrl(id, form, what), download: true };
    return element(
      "a",
      attributes,
      element("span", { class: "only-heard" }, t(`admin.${what}`)),
      t(`admin.${form}`),
    );
  };
  const name = element("span", { "aria-hidden": "true" }, icon("install"), t(`admin.${what}`));
  return element("div", { class: "files" }, name, link("csv"), link("jsonl"));
}

/** @param {Report} report */
function annotators(report) {
  if (!report.annotators.length) return element("p", { class: "quiet" }, t("admin.nobody_yet"));
  const columns = ["votes", "skipped", "undone", "pace", "with_consensus", "last_seen"].map((key) =>
    t(`admin.${key}`),
  );
  const rows = report.annotators.map((one) => annotator(one, report.items, columns));
  const head = [t("admin.name"), ...columns];
  return table({ caption: t("admin.annotators_caption"), name: "annotators", cards: true, head, rows });
}

/**
 * @param {AnnotatorProgress} one
 * @param {number} items
 * @param {string[]} columns
 */
function annotator(one, items, columns) {
  const seen = one.last_at
    ? element("time", { datetime: one.last_at, title: dateAndTime(one.last_at) }, relative(one.last_at))
    : "–";
  const share = items ? one.votes / items : 0;
  const votes = element("span", { class: "meter", "--share": share.toFixed(3) }, number(one.votes));
  const rest = [
    number(one.skipped),
    number(one.undone),
    seconds(one.median_ms),
    percent(one.agreement),
    seen,
  ];
  return row(
    `annotator ${one.name}`,
    own(one.name),
    [votes, ...rest].map((value, at) => cell(columns[at], value)),
  );
}

/** @param {Report} report */
function matrix(report) {
  const panel = report.kind === "panel";
  const lines = Object.values(report.matrix);
  if (!lines.some(total)) return element("p", { class: "quiet" }, t("admin.no_verdicts"));
  /** @type {Object<string, string>} */
  const besides = { disputed: t("admin.state.disputed"), unlabelled: t("admin.unlabelled") };
  const named = (/** @type {string} */ name) => ({ name, label: besides[name] ?? answer(name) });
  const rows = Object.keys(report.matrix).map(named);
  const columns = Object.keys(lines[0]).map(named);
  return confusionTable({
    caption: t(panel ? "admin.panel_caption" : "admin.clean_caption"),
    note: t(panel ? "admin.panel_note" : "admin.clean_note"),
    corner: t(panel ? "admin.panel_corner" : "admin.clean_corner"),
    rows,
    columns,
    count: (r, c) => report.matrix[rows[r].name][columns[c].name] ?? 0,
  });
}
