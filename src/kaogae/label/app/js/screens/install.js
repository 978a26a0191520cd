/** The hint that the app can live on the home screen: a button where the browser offers it, words on iOS. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

/** @type {any} the browser's offer (beforeinstallprompt), which no standard describes */
let offer = null;
const place = element("div", { class: "installation" });

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
  fill();
});
addEventListener("appinstalled", () => {
  offer = null;
  fill();
});

/** The hint, or an empty place that it may come into. */
export function installation() {
  fill();
  return place;
}

function fill() {
  const apple = /iPhone|iPad|iPod/.test(navigator.userAgent) ||
    (navigator.userAgent.includes("Macintosh") && navigator.maxTouchPoints > 1);
  const installed = matchMedia("(display-mode: standalone)").matches;
  place.hidden = installed || !(offer || (apple && isSecureContext));
  if (place.hidden) return place.replaceChildren();
  place.replaceChildren(element("div", { class: "card row" }, icon("install"),
    element("div", { class: "grow" },
      element("h3", {}, t("install.title")),
      element("p", { class: "quiet small" },
        offer ? t("install.why") : `${t("install.why")} ${t("install.ios")}`)),
    offer && element("button", { class: "button", type: "button", onclick: install }, t("install.go"))));
}

async function install() {
  await offer?.prompt();
  offer = null;
  fill();
}
