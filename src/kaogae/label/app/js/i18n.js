/**
 * The app's words in English and Japanese.
 *
 * A word is a text with {names} to be filled in, or {one, other}, of which the number `n` picks one.
 *
 * @typedef {"en"|"ja"} Language
 * @typedef {string|{one: string, other: string}} Word
 * @typedef {Object<string, Word>} Words
 */
const KEPT = "kaogae.language";

/** @type {{en: Words, ja: Words}} */
const words = { en: {}, ja: {} };

/** The language's own name, for a choice of languages. @type {Object<Language, string>} */
export const LANGUAGES = { en: "English", ja: "日本語" };

/** @type {Language} */
let current = chosen() ?? spoken();
document.documentElement.lang = current;
await load(current);

/**
 * Only the language that is read travels.
 * @param {Language} code
 */
async function load(code) {
  const strings = code === "ja" ? (await import("./strings/ja.js")).ja : (await import("./strings/en.js")).en;
  words[code] = { ...strings, ...words[code] };
}

/** @returns {Language|null} */
function chosen() {
  try {
    const code = localStorage.getItem(KEPT);
    return code === "en" || code === "ja" ? code : null;
  } catch {
    return null;
  }
}

/** @returns {Language} */
function spoken() {
  const first = navigator.languages.find((code) => /^(en|ja)\b/i.test(code)) ?? "en";
  return first.toLowerCase().startsWith("ja") ? "ja" : "en";
}

/**
 * Words of a page of its own; both languages need the same keys.
 * @param {{en: Words, ja: Words}} more
 */
export function add(more) {
  Object.assign(words.en, more.en);
  Object.assign(words.ja, more.ja);
}

/** @returns {Language} */
export function language() {
  return current;
}

/**
 * Keeps the choice on this device and tells the page (event "language" of `document`), which draws
 * itself again.
 * @param {Language} code
 */
export async function setLanguage(code) {
  await load(code);
  current = code;
  document.documentElement.lang = code;
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  document.dispatchEvent(new Event("language"));
}

/**
 * The words for `key` in the current language; the key itself if nobody wrote any, as with most sentences
 * of the service.
 * @param {string} key
 * @param {Object<string, string|number>} [values] what is filled in; numbers in the language's way of writing
 * @returns {string}
 */
export function t(key, values = {}) {
  const word = words[current][key] ?? key;
  const text = typeof word === "string" ? word : plural(word, Number(values.n));
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? written(values[name]) : all));
}

/**
 * @param {{one: string, other: string}} word
 * @param {number} n
 */
function plural(word, n) {
  return new Intl.PluralRules(current).select(n) === "one" ? word.one : word.other;
}

/** @param {string|number} value */
function written(value) {
  return typeof value === "number" ? new Intl.NumberFormat(current).format(value) : value;
}
