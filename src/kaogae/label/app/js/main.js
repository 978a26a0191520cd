/** The app: who is signed in, and which screen the address asks for. */
import { whoami, onPersonChange } from "./desk/person.js";
import { installShell } from "./desk/shell.js";
import { t } from "./i18n.js";
import { element } from "./element.js";
import { ending } from "./screens/ends.js";
import { home } from "./screens/home.js";
import { label } from "./screens/label.js";
import { signedIn } from "./signin.js";

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
  const id = Number(/^#campaign=(\d+)$/.exec(location.hash)?.[1] ?? 0);
  const campaign = me.campaigns.find((one) => one.id === id);
  const shown = campaign ? await label(main, campaign) : id ? missing() : home(main, me);
  if (mine !== turn) return shown();
  end = shown;
  if (!campaign && moved) main.querySelector("h1")?.focus();
}

/** A campaign that isn't there. */
function missing() {
  main.replaceChildren(element("div", { class: "page" }, ending("missing", null)));
  document.title = t("end.missing");
  return () => undefined;
}

async function start() {
  let me = await signedIn();
  await show(me, false);
  addEventListener("hashchange", async () => {
    if (/^#[\w-]{20,}$/.test(location.hash)) return location.reload();
    show(me);
    me = await whoami().catch(() => me);
    if (!location.hash.startsWith("#campaign=")) show(me, false);
  });
  document.addEventListener("language", () => show(me, false));
  onPersonChange(async () => {
    const now = await whoami().catch(() => null);
    if (now?.name !== me.name) location.reload();
  });
}

start();
installShell();
