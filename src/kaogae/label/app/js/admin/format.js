/** Numbers, times and names as people read them, in the page's language. */
import { language, t } from "../i18n.js";

/** @param {number} value */
export const number = (value) => value.toLocaleString(language());

/** @param {number|null} value κ and the like: two digits */
export const ratio = (value) =>
  value === null
    ? "–"
    : value.toLocaleString(language(), { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** @param {number|null} share 0 to 1 */
export const percent = (share) =>
  share === null || !Number.isFinite(share)
    ? "–"
    : share.toLocaleString(language(), { style: "percent", maximumFractionDigits: 0 });

/** @param {number|null} milliseconds */
export const seconds = (milliseconds) =>
  milliseconds === null
    ? "–"
    : (milliseconds / 1000).toLocaleString(language(), {
        style: "unit",
        unit: "second",
        unitDisplay: "short",
        minimumFractionDigits: 1,
        maximumFractionDigits: 1,
      });

/** @param {string} moment */
export const date = (moment) => new Date(moment).toLocaleDateString(language(), { dateStyle: "medium" });

/** @param {string} moment */
export const dateAndTime = (moment) =>
  new Date(moment).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/**
 * "3 minutes ago", "in 12 days".
 *
 * @param {string|null} moment
 * @param {number} [now] milliseconds since 1970
 */
export function relative(moment, now = Date.now()) {
  if (moment === null) return "–";
  const away = (Date.parse(moment) - now) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(away) >= size) ?? ["second", 1];
  if (unit === "second") return t("admin.now");
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(Math.trunc(away / size), unit);
}

/** @param {number} kappa @returns what Landis & Koch (1977) call it */
export function kappaWord(kappa) {
  const words = ["slight", "fair", "moderate", "substantial", "perfect"];
  const word = kappa < 0 ? "poor" : words[Math.min(4, Math.max(0, Math.ceil(kappa * 5) - 1))];
  return t(`admin.kappa.${word}`);
}

/** @param {string} name a verdict, or what else stands in a report */
export const answer = (name) => t(`answer.${name}`);
