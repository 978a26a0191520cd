/** The app: who is signed in, and which screen the address asks for. */
import { ApiError } from "./api.js";
import { onPersonChange, whoami } from "./desk/person.js";
import { installShell } from "./desk/shell.js";
import { t } from "./i18n.js";
import { element } from "./element.js";
import { ending } from "./screens/ends.js";
import { home } from "./screens/home.js";
import { isLink, signedIn } from "./signin.js";

/** @typedef {import("./types.js").Me} Me */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));

/** @type {() => void} ends the screen that is shown */
let end = () => undefined;
/** Which screen was asked for last: what comes too late isn't shown. */
let turn = 0;

/**
 * @param {Me} me
 * @param {boolean} [moved] from another screen: the focus goes along
 */
async function show(me, moved = true) {
  const mine = ++turn;
  end();
  end = () => undefined;
  for (const dialog of document.querySelectorAll("dialog")) dialog.close(); // they were about the last screen
  const id = Number(/^#campaign=(\d+)$/.exec(location.hash)?.[1] ?? 0);
  const campaign = me.campaigns.find((one) => one.id === id);
  const shown = campaign ? await labelling(campaign) : id ? nothing("missing") : await home(main, me);
  if (mine !== turn) return shown();
  end = shown;
  if (!campaign && moved) main.querySelector("h1")?.focus();
}

/**
 * The labelling screen comes when it is needed: the start page is there sooner.
 * @param {import("./types.js").CampaignCard} campaign
 */
async function labelling(campaign) {
  try {
    const { label } = await import("./screens/label.js");
    return await label(main, campaign);
  } catch (error) {
    return nothing(error instanceof ApiError && error.status === 401 ? "signed-out" : "unreachable");
  }
}

/**
 * Why there is no screen.
 * @param {string} situation
 */
function nothing(situation) {
  main.replaceChildren(element("div", { class: "page" }, ending(situation, null)));
  document.title = t(`end.${situation}`);
  return () => undefined;
}

async function start() {
  let me = await signedIn();
  await show(me, false);
  addEventListener("hashchange", async () => {
    if (isLink()) return;
    show(me);
    me = await whoami().catch(() => me);
    if (!location.hash.startsWith("#campaign=")) show(me, false);
  });
  document.addEventListener("language", () => show(me, false));
  onPersonChange(async () => {
    const now = await whoami().catch(() => null);
    if (now?.key !== me.key) location.reload();
  });
}

start();
installShell();
