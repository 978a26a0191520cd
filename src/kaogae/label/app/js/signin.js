/** Getting in: by the link's token, by an earlier time's cookie, or offline by what this device remembers. */
import { ApiError } from "./api.js";
import { signIn, whoami } from "./desk/person.js";
import { element, mark } from "./element.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Me} Me */

const TOKEN = /#([\w-]{20,200})$/;

/** Whether the address is a personal link: the browser only changes the hash of a page that is open. */
export const isLink = () => TOKEN.test(location.hash);
addEventListener("hashchange", () => isLink() && location.reload());

/**
 * Who is signed in. Shows the sign-in screen in <main> for as long as nobody is; never fails.
 * @returns {Promise<Me>}
 */
export async function signedIn() {
  const token = TOKEN.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname);
    return enter(token);
  }
  try {
    return await whoami();
  } catch (error) {
    return asked(status(error) === 401 ? "" : sentence(error));
  }
}

/**
 * @param {string} token
 * @returns {Promise<Me>}
 */
async function enter(token) {
  try {
    return await signIn(token);
  } catch (error) {
    return asked(sentence(error), status(error) === 0 ? token : "");
  }
}

/** @param {unknown} error */
const status = (error) => (error instanceof ApiError ? error.status : -1);

/** @param {unknown} error */
function sentence(error) {
  if (status(error) === 0) return t("signin.offline");
  return t(error instanceof Error ? error.message : String(error));
}

/**
 * The sign-in screen: ask for the link until it lets somebody in.
 * @param {string} problem
 * @param {string} [token] a link's that could not be tried yet
 * @returns {Promise<Me>}
 */
function asked(problem, token = "") {
  return new Promise((resolve) => {
    const field = element("input", {
      id: "link", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
      "aria-describedby": "link-hint problem", value: token && `${location.origin}/#${token}`,
    });
    const note = element("p", { id: "problem", class: "note bad", role: "alert", hidden: !problem }, problem);
    const go = element("button", { class: "button primary wide" }, t("signin.go"));
    const form = element("form", { class: "card stack", novalidate: true },
      element("p", {}, t("signin.why")),
      note,
      element("div", { class: "field" },
        element("label", { for: "link" }, t("signin.paste")),
        field,
        element("p", { id: "link-hint", class: "hint" }, t("signin.hint"))),
      go);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = TOKEN.exec(`#${field.value.trim().split("#").pop()}`)?.[1];
      go.disabled = true;
      const answer = given ? await tried(given) : t("signin.wrong");
      go.disabled = false;
      if (typeof answer !== "string") return resolve(answer);
      note.textContent = answer;
      note.hidden = false;
      field.focus();
    });
    const title = element("h1", { tabindex: "-1" }, t("signin.title"));
    document.querySelector("main")?.replaceChildren(
      element("div", { class: "page signin" }, element("div", { class: "head" }, mark(), title), form));
    title.focus();
  });
}

/**
 * @param {string} token
 * @returns {Promise<Me|string>} who is in, or why nobody is
 */
async function tried(token) {
  try {
    return await signIn(token);
  } catch (error) {
    return sentence(error);
  }
}
