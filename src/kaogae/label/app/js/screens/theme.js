/** Light, dark, or as the system says; early.js puts it on the page before the first paint. */
const KEPT = "kaogae.theme";

/** @returns {string} light, dark or system */
export function theme() {
  return document.documentElement.dataset["theme"] ?? "system";
}

/** @param {string} name */
export function setTheme(name) {
  const { dataset } = document.documentElement;
  if (name === "system") delete dataset["theme"];
  else dataset["theme"] = name;
  for (const bar of document.querySelectorAll("meta[name='theme-color']")) {
    const { media } = /** @type {HTMLMetaElement} */ (bar);
    const dark = name === "system" ? media.includes("dark") : name === "dark";
    bar.setAttribute("content", dark ? "#10131a" : "#e9edf3"); // --ground
  }
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
