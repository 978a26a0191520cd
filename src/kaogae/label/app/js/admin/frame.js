/** What the admin's and the reviewer's pages have in common. */
import { element, mark } from "../element.js";
import { add, t } from "../i18n.js";
import { isolated } from "./morph.js";

add({
  en: {
    "refusal.admin": "This page is for admins",
    "refusal.review": "This page is for reviewers",
    "refusal.as": "You are signed in as {name}, {role}.",
    "refusal.ask": "If you need it, ask whoever sent you your link for another one.",
    "refusal.home": "To your campaigns",
  },
  ja: {
    "refusal.admin": "管理者専用のページです",
    "refusal.review": "レビュアー専用のページです",
    "refusal.as": "{name}（{role}）としてサインインしています。",
    "refusal.ask": "必要な場合は、リンクを送ってくれた人に新しいリンクを頼んでください。",
    "refusal.home": "キャンペーン一覧へ",
  },
});

/**
 * For those who came to a page that isn't for them.
 *
 * @param {import("../types.js").Me} me
 * @param {"admin"|"review"} page
 */
export function refusal(me, page) {
  const as = t("refusal.as", { name: isolated(me.name), role: t(`home.role.${me.role}`) });
  return element(
    "div",
    { class: "page refusal", id: "refusal" },
    element("header", { class: "head" }, mark(), element("h1", { tabindex: -1 }, t(`refusal.${page}`))),
    element(
      "div",
      { class: "card stack" },
      element("p", {}, as),
      element("p", { class: "quiet" }, t("refusal.ask")),
      element("a", { class: "button primary", href: "/" }, t("refusal.home")),
    ),
  );
}
