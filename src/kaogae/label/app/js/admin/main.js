/** The admin's pages: what is asked of the service, drawn, kept up to date, and what buttons do. */
import { ApiError, api } from "../api.js";
import { element, mark } from "../element.js";
import { add, t } from "../i18n.js";
import { toast } from "../screens/toast.js";
import { signedIn } from "../signin.js";
import { campaign } from "./campaign.js";
import { confirmed } from "./dialogs.js";
import { refusal } from "./frame.js";
import { arrange, invite, prefill } from "./invitation.js";
import { isolated, morph } from "./morph.js";
import { askAgreement, campaigns, overview } from "./overview.js";
import { people } from "./people.js";
import { en, ja } from "./strings.js";

/** @typedef {import("../types.js").CampaignReport} Report */
/** @typedef {import("../types.js").Person} Person */
/**
 * @typedef {object} View
 * @property {string} name
 * @property {() => Promise<any>} load
 * @property {(data: any) => HTMLElement} draw
 * @property {(data: any) => string} title
 */

const REFRESH_MS = 15_000;

add({ en, ja });

const state = {
  me: "",
  /** @type {View|null} */
  view: null,
  /** @type {any} what the view shows */
  data: null,
  /** @type {[string, string]} whose confusion is shown */
  pair: ["", ""],
  asked: 0,
  failing: false,
};

/** @returns {View} what the address asks for */
function wanted() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const id = Number(hash.get("campaign"));
  if (id) {
    return {
      name: `campaign ${id}`,
      load: () => api.campaign(id),
      draw: (report) => campaign(report, state.pair),
      title: (report) => report.name,
    };
  }
  if (hash.get("view") === "people") {
    return {
      name: "people",
      load: async () => ({ people: await api.people(), campaigns: await api.campaigns() }),
      draw: (data) => people(data, state.me),
      title: () => t("admin.people"),
    };
  }
  return { name: "overview", load: campaigns, draw: overview, title: () => t("admin.campaigns") };
}

const place = () => /** @type {HTMLElement} */ (document.getElementById("view"));

/** Another page: its data, from its top, with the focus on its heading. */
async function go() {
  state.view = wanted();
  for (const link of document.querySelectorAll("nav a")) {
    const here =
      link.getAttribute("href") === "#view=people"
        ? state.view.name === "people"
        : state.view.name !== "people";
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  place().setAttribute("aria-busy", "true");
  if (!(await refresh(true))) return;
  scrollTo(0, 0);
  place().querySelector("h1")?.focus({ preventScroll: true });
}

/**
 * Asks anew. What comes too late for where the page is now is thrown away.
 *
 * @param {boolean} [first] of this view
 * @returns {Promise<boolean>} whether the page shows what is true now
 */
async function refresh(first = false) {
  const { view } = state;
  const turn = ++state.asked;
  if (!view) return false;
  try {
    const data = await view.load();
    if (turn !== state.asked) return false;
    state.data = data;
    draw(first);
    stale(false);
    if (view.name === "overview") complete(data, turn);
    return true;
  } catch (error) {
    if (turn !== state.asked) return false;
    if (error instanceof ApiError && error.status === 401) location.reload();
    else if (first) place().replaceChildren(failure(error));
    stale(!first, error);
    return false;
  } finally {
    if (turn === state.asked) place().removeAttribute("aria-busy");
  }
}

/**
 * How far people agree takes longer to tell: it is shown when it is known.
 *
 * @param {Report[]} reports
 * @param {number} turn
 */
async function complete(reports, turn) {
  const fresh = await askAgreement(reports).catch(() => false);
  if (fresh && turn === state.asked) refresh();
}

/** @param {boolean} [anew] instead of changing what stands there */
function draw(anew = false) {
  const { view, data } = state;
  if (!view) return;
  const built = view.draw(data);
  document.title = `${view.title(data)} · Kaogae`;
  const old = place().firstElementChild;
  if (anew || !old || old.className !== built.className) place().replaceChildren(built);
  else morph(old, built);
}

/** @param {unknown} error */
const sentence = (error) => t(error instanceof Error ? error.message : String(error));

/** @param {unknown} error */
function failure(error) {
  return element(
    "div",
    { class: "card" },
    element("h1", { tabindex: -1 }, t("admin.failed")),
    element("p", { role: "alert" }, sentence(error)),
    element(
      "div",
      {},
      element("button", { class: "button primary", type: "button", onclick: go }, t("say.again")),
    ),
  );
}

/**
 * Says once that what is shown grows old, and that it doesn't any more.
 *
 * @param {boolean} failing
 * @param {unknown} [error]
 */
function stale(failing, error) {
  const note = document.getElementById("stale");
  if (!note) return;
  note.textContent = failing ? t("admin.stale", { reason: sentence(error) }) : "";
  note.hidden = !failing;
}

/**
 * Does what was asked for; what goes wrong is said.
 *
 * @param {() => Promise<unknown>} deed
 * @param {string} [done]
 */
async function attempt(deed, done) {
  try {
    await deed();
    if (done) toast(done);
  } catch (error) {
    toast(sentence(error), { bad: true });
  }
  await refresh();
}

/** @param {boolean} open */
async function change(open) {
  const report = /** @type {Report} */ (state.data);
  const name = isolated(report.name);
  const title = t(open ? "admin.reopen_title" : "admin.close_title", { name });
  const text = t(open ? "admin.reopen_text" : "admin.close_text");
  const yes = t(open ? "admin.reopen" : "admin.close");
  if (!(await confirmed({ title, text, yes }))) return;
  await attempt(() => api.change(report.id, { open }), t(open ? "admin.reopened" : "admin.closed", { name }));
}

/** @param {Person} person */
async function revoke(person) {
  const name = isolated(person.name);
  const title = t("admin.revoke_title", { name });
  if (!(await confirmed({ title, text: t("admin.revoke_text"), yes: t("admin.revoke"), danger: true })))
    return;
  await attempt(() => api.revoke(person.id), t("admin.revoked_done", { name }));
}

/** @param {DOMStringMap} button */
async function clicked(button) {
  const person = state.data?.people?.find((/** @type {Person} */ { id }) => String(id) === button["id"]);
  const form = document.getElementById("invite-form");
  if (button["do"] === "close" || button["do"] === "reopen") await change(button["do"] === "reopen");
  else if (button["do"] === "revoke" && person) await revoke(person);
  else if (button["do"] === "again" && form instanceof HTMLFormElement)
    prefill(form, person, state.data.campaigns);
  else if (button["do"] === "pair") paired(button["first"] ?? "", button["second"] ?? "");
}

/**
 * @param {string} first
 * @param {string} second
 */
function paired(first, second) {
  state.pair = [first, second];
  draw();
}

/**
 * Nobody is compared with themselves: whoever is chosen twice changes places with the one who was there.
 *
 * @param {HTMLSelectElement} select
 */
function picked(select) {
  const both = [...document.querySelectorAll("select[data-pair]")].map(
    (one) => /** @type {HTMLSelectElement} */ (one),
  );
  const other = both.find((one) => one !== select);
  const before = [...select.options].find((option) => option.defaultSelected)?.value;
  if (other?.value === select.value && before) other.value = before;
  paired(both[0].value, both[1].value);
}

function listen() {
  addEventListener("hashchange", go);
  addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("[data-do]");
    if (button instanceof HTMLElement) clicked(button.dataset);
  });
  addEventListener("change", ({ target }) => {
    if (target instanceof HTMLSelectElement && target.dataset["pair"]) {
      picked(target);
    } else if (target instanceof HTMLInputElement && target.form?.id === "invite-form") arrange(target.form);
  });
  addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.id !== "invite-form") return;
    event.preventDefault();
    attempt(() => invite(form));
  });
  document.addEventListener("visibilitychange", () => !document.hidden && refresh());
  setInterval(() => !document.hidden && refresh(), REFRESH_MS);
}

function frame() {
  const link = (/** @type {string} */ href, /** @type {string} */ key) =>
    element("a", { href, class: "tab" }, t(key));
  return [
    element(
      "header",
      { class: "head" },
      element("a", { href: "/", class: "brand", "aria-label": t("admin.home") }, mark()),
      element("span", { class: "grow" }, t("home.admin")),
      element(
        "nav",
        { "aria-label": t("home.admin") },
        link("#campaigns=all", "admin.campaigns"),
        link("#view=people", "admin.people"),
      ),
    ),
    element("p", { id: "stale", class: "note warn", role: "status", hidden: true }),
    element("div", { id: "view" }),
  ];
}

async function start() {
  const me = await signedIn();
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  if (me.role !== "admin") return main.replaceChildren(refusal(me, "admin"));
  state.me = me.name;
  main.replaceChildren(element("div", { class: "page wide admin" }, frame()));
  listen();
  return go();
}

start();
