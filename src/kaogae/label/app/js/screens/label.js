/** The labelling screen: one face, one thumb. */
import { Desk } from "../desk.js";
import { watch } from "../gestures.js";
import { t } from "../i18n.js";
import { expressions, keeps } from "./answers.js";
import { examples, examplesOnce } from "./examples.js";
import { Fan } from "./fan.js";
import { pressed } from "./keys.js";
import { toast } from "./toast.js";
import { View } from "./view.js";
import { zoom } from "./zoom.js";

/** @typedef {import("../types.js").Answer} Answer */
/** @typedef {import("../types.js").CampaignCard} CampaignCard */
/** @typedef {import("../gestures.js").Drag} Drag */

/** How far the card goes with the finger until letting go means something, in pixels. */
const FAR = 96;
/** Or how fast it is let go, in pixels per millisecond, after how far at least. */
const FAST = 0.55;
const MEANT = 28;
/** How far up until the fan opens. */
const RISE = 60;
const MARKS_MOST = 3000;

/**
 * @param {HTMLElement} main
 * @param {CampaignCard} campaign
 * @returns {Promise<() => void>} what ends it
 */
export async function label(main, campaign) {
  const desk = await Desk.open(campaign);
  const screen = new Screen(main, campaign, desk);
  if (desk.situation === "ready" || desk.situation === "loading") examplesOnce(campaign);
  return () => screen.end();
}

class Screen {
  /**
   * @param {HTMLElement} main
   * @param {CampaignCard} campaign
   * @param {Desk} desk
   */
  constructor(main, campaign, desk) {
    this.campaign = campaign;
    this.desk = desk;
    this.answers = expressions(campaign);
    this.fan = new Fan(this.answers, (answer) => this.vote(answer));
    this.following = false;
    /** @type {Set<string>} troubles that were told */
    this.told = new Set();
    /** @type {(Answer|"skip")[]} what was said since the screen opened */
    this.said = [];
    /** @type {import("./deck.js").Leaving} how the card in front leaves when the desk changes */
    this.leaving = {};
    this.acts = {
      vote: (/** @type {Answer} */ verdict) => this.vote(verdict),
      keep: () => this.keep(),
      skip: () => this.skip(),
      undo: () => this.undo(),
      zoom: (scale = 1) => this.zoom(scale),
      fan: () => this.openFan(),
      help: () => examples(campaign),
    };
    this.view = new View(main, campaign, desk, this.acts, this.fan.root);
    this.listen();
    this.draw();
  }

  listen() {
    this.onchange = () => this.draw();
    this.onkey = (/** @type {KeyboardEvent} */ event) => {
      if (!this.fan.open) pressed(event, this.acts, this.answers);
      else if (event.key === "Escape") this.fan.close();
    };
    this.desk.addEventListener("change", this.onchange);
    document.addEventListener("keydown", this.onkey);
    watch(this.view.stack, {
      move: (drag) => this.drag(drag),
      up: (drag) => this.release(drag),
      tap: () => this.zoom(1),
      hold: ({ x, y }) => this.follow(x, y),
      pinch: ({ scale }) => scale > 1.02 && this.zoom(1.6),
      cancel: () => this.calm(),
    });
  }

  draw() {
    if (this.view.draw(this.leaving, this.said[this.said.length - 1])) this.fan.close();
    this.leaving = {};
    if (!this.view.live.textContent) this.view.tell();
    const { refusals, trouble } = this.desk;
    for (const { item, reason } of refusals) {
      const text = t("label.refused", { reason: t(reason) });
      this.tellOnce(`${item} ${reason}`, text, () => this.desk.dismissRefusals());
    }
    if (trouble) this.tellOnce(trouble, t(`label.trouble.${trouble}`), () => this.recover(trouble));
  }

  /**
   * @param {string} key
   * @param {string} text
   * @param {() => void} onclose
   */
  tellOnce(key, text, onclose) {
    if (this.told.has(key)) return;
    this.told.add(key);
    toast(text, { bad: true, onclose });
  }

  /** @param {string} trouble */
  recover(trouble) {
    if (trouble !== "full") return;
    this.told.delete(trouble);
    this.desk.retry();
  }

  /**
   * @param {Answer} verdict
   * @param {"keep"|Answer} [stamp]
   */
  vote(verdict, stamp = verdict) {
    if (!this.desk.current || !this.campaign.answers.includes(verdict)) return;
    const way = stamp === "keep" ? "right" : stamp === "unusable" ? "left" : "up";
    if (this.swap({ way, stamp }, verdict, () => this.desk.vote(verdict))) this.view.press(stamp);
  }

  keep() {
    const { current } = this.desk;
    if (keeps(this.campaign) && current?.label) this.vote(current.label, "keep");
  }

  skip() {
    if (this.desk.current) this.swap({ way: "down" }, "skip", () => this.desk.skip());
  }

  undo() {
    if (!this.desk.canUndo) return;
    const last = this.said.pop();
    const way = last === "skip" ? "down" : last === "unusable" ? "left" : last ? "up" : "right";
    this.swap({ way }, null, () => this.desk.undo(), `${t("label.undone")}. `);
  }

  /**
   * The next face is in front when this returns: what follows is the browser's next frame.
   * @param {import("./deck.js").Leaving} leaving
   * @param {Answer|"skip"|null} said
   * @param {() => boolean} act
   * @param {string} [first] what is said before where one is
   * @returns {boolean} whether it is done
   */
  swap(leaving, said, act, first = "") {
    performance.mark("vote");
    this.leaving = leaving;
    if (said) this.said.push(said);
    const done = act();
    if (!done && said) this.said.pop();
    this.draw();
    this.calm();
    requestAnimationFrame(() => {
      performance.mark("shown");
      performance.measure("vote to shown", "vote", "shown");
      this.view.tell(first);
      if (performance.getEntriesByName("vote").length > MARKS_MOST) performance.clearMarks();
    });
    return done;
  }

  /** @param {number} scale */
  zoom(scale) {
    const { current } = this.desk;
    if (!current || document.querySelector("dialog[open]")) return;
    this.calm();
    zoom(this.desk.imageUrl(current.id, 480), this.desk.imageUrl(current.id, 960), scale);
  }

  openFan() {
    if (!this.desk.current) return;
    const box = this.view.stack.getBoundingClientRect();
    this.fan.show(box.left + box.width / 2, box.bottom);
    this.fan.focus();
  }

  /**
   * The fan opens under a thumb that is still down.
   * @param {number} x
   * @param {number} y
   */
  follow(x, y) {
    if (!this.desk.current) return;
    this.view.deck.follow(0, 0);
    this.fan.show(x, y);
    this.following = true;
    navigator.vibrate?.(8);
  }

  /** @param {Drag} drag */
  drag({ x, y, dx, dy }) {
    if (this.following) return void this.fan.point(x, y);
    if (!this.desk.current) return;
    if (dy < -RISE && -dy > 1.4 * Math.abs(dx)) return this.follow(x, y);
    this.view.deck.follow(dx, dy * 0.5);
    this.view.deck.stamp(this.meant(dx), Math.min(1, Math.abs(dx) / FAR));
  }

  /**
   * What letting go over there would say.
   * @param {number} dx
   * @returns {"keep"|"unusable"|null}
   */
  meant(dx) {
    if (dx > 0) return keeps(this.campaign) && this.desk.current?.label ? "keep" : null;
    return this.campaign.answers.includes("unusable") ? "unusable" : null;
  }

  /** @param {Drag} drag */
  release({ x, y, dx, vx, vy }) {
    if (this.following) {
      this.following = false;
      const answer = this.fan.point(x, y);
      if (answer && Math.hypot(vx, vy) < FAST) this.fan.pick(answer);
      return;
    }
    const along = Math.sign(vx) === Math.sign(dx);
    const thrown = along && Math.abs(vx) > FAST && Math.abs(dx) > MEANT;
    const thrownBack = !along && Math.abs(vx) > FAST;
    const meant = this.meant(dx);
    if (!meant || thrownBack || !(thrown || Math.abs(dx) > FAR)) this.calm();
    else if (meant === "keep") this.keep();
    else this.vote("unusable");
  }

  /** Everything back in its place. */
  calm() {
    if (this.following) this.fan.close();
    this.following = false;
    this.view.deck.follow(0, 0);
  }

  end() {
    if (this.onchange) this.desk.removeEventListener("change", this.onchange);
    if (this.onkey) document.removeEventListener("keydown", this.onkey);
    this.desk.close();
  }
}
