/** Words of the reviewer's page. Both languages have the same keys. */

/** @type {import("../i18n.js").Words} */
export const en = {
  "review.title": "Review queue",
  "review.face": "The face that people disagree about",
  "review.campaign": "Campaign",
  "review.option": "{name} ({n})",
  "review.home": "To the labelling app",
  "review.waiting": { one: "{n} waits", other: "{n} wait" },
  "review.votes": "What people said",
  "review.count": { one: "{n} vote", other: "{n} votes" },
  "review.decide": "Your decision is final",
  "review.answers": "Your decision",
  "review.label": "Label: {answer}",
  "review.no_label": "Without a label",
  "review.undo": "Undo",
  "review.later": "Later",
  "review.decided": "Last: {answer}",
  "review.empty": "Nothing waits for a decision",
  "review.empty_text": "As soon as people disagree about a face, it shows up here by itself.",
  "review.none": "You have no campaign to review",
  "review.failed": "The queue can’t be fetched now",
  "review.sending": { one: "{n} decision is on its way", other: "{n} decisions are on their way" },
  "review.unsent": {
    one: "{n} decision isn’t sent yet. It is tried again: keep this page open. {reason}",
    other: "{n} decisions aren’t sent yet. They are tried again: keep this page open. {reason}",
  },
  "review.refused": "A decision was not accepted: {reason}",
};

/** @type {import("../i18n.js").Words} */
export const ja = {
  "review.title": "レビュー待ち",
  "review.face": "意見が分かれた顔",
  "review.campaign": "キャンペーン",
  "review.option": "{name}（{n}）",
  "review.home": "ラベル付けアプリへ",
  "review.waiting": "残り{n}枚",
  "review.votes": "みんなの判定",
  "review.count": "{n}票",
  "review.decide": "あなたの判断で確定します",
  "review.answers": "あなたの判断",
  "review.label": "ラベル：{answer}",
  "review.no_label": "ラベルなし",
  "review.undo": "取り消す",
  "review.later": "あとで",
  "review.decided": "直前：{answer}",
  "review.empty": "判断を待つ顔はありません",
  "review.empty_text": "意見が分かれた顔があれば、ここに自動で表示されます。",
  "review.none": "レビューするキャンペーンがありません",
  "review.failed": "いまは取得できません",
  "review.sending": "判断{n}件を送信中",
  "review.unsent":
    "判断{n}件がまだ送信されていません。再送を続けるので、このページを開いたままにしてください。{reason}",
  "review.refused": "判断が受け付けられませんでした：{reason}",
};
