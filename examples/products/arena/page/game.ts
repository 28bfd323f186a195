/** A place in a room: sends what the player wants at each tick, and has what is drawn and said. */
import { type ActorConn, HoldfastError } from "holdfast/client";
import type { Board, News } from "../actors/room.ts";
import type { registry } from "../actors.ts";
import { field, tickMs } from "../game/rules.ts";
import { type Frame, fighterOf } from "../game/wire.ts";
import type { Input } from "../game/world.ts";
import { client } from "./api.ts";
import type { Controls } from "./controls.ts";
import { Interpolation, type Scene } from "./interpolation.ts";
import { Prediction } from "./prediction.ts";
import { describeNews } from "./words.ts";

type RoomConn = ActorConn<NonNullable<(typeof registry)["~actors"]>["room"]>;

export interface GameState {
  readonly status: "joining" | "playing" | "offline" | "elsewhere" | "closed";
  readonly slot: number | undefined;
  readonly board: Board | undefined;
  /** Local time of the end of the round. */
  readonly endsAt: number;
  /** The latest messages, the newest last. */
  readonly messages: readonly { readonly id: number; readonly text: string; readonly isMine: boolean }[];
  /** How the latest round has ended, with the id of its message. */
  readonly ended: { readonly id: number; readonly text: string } | undefined;
  /** Out of the field, because nothing was pressed for long. */
  readonly isAway: boolean;
  readonly respawn: number;
  readonly health: number;
  readonly error: string | undefined;
}

/** Why a connection ends, by the code of its error. */
const reasons: Readonly<Record<string, string>> = {
  not_found: "This room has ended.",
  destroyed: "This room has ended.",
  signed_out: "You are signed out.",
};

export class Game {
  readonly #conn: RoomConn;
  readonly #prediction = new Prediction();
  readonly #others = new Interpolation();
  readonly #listeners = new Set<() => void>();
  #state: GameState = {
    ...{ status: "joining", slot: undefined, board: undefined, endsAt: 0, messages: [], ended: undefined },
    ...{ isAway: false, respawn: 0, health: 0, error: undefined },
  };
  #seq = 0;
  #tickAt = performance.now();
  #aim = 0;
  #messageId = 0;

  constructor(room: string) {
    const conn = client.room.get([room]).connect();
    this.#conn = conn;
    conn.on("tick", (frame) => this.#tick(frame));
    conn.on("board", (board) => this.#board(board));
    conn.on("news", (news) => this.#news(news));
    conn.onOpen(() => void this.join());
    conn.onClose(() => this.#set({ status: this.#state.status === "closed" ? "closed" : "offline" }));
    conn.onError(({ code, message }) => this.#set({ status: "closed", error: reasons[code] ?? message }));
  }

  get state(): GameState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes the place, also from another tab. */
  async join(): Promise<void> {
    try {
      const { slot, board, frame } = await this.#conn.join();
      this.#prediction.reset();
      this.#set({ status: "playing", slot });
      this.#board(board);
      this.#tick(frame);
    } catch (error) {
      if (error instanceof HoldfastError && error.group === "user")
        this.#set({ status: "closed", error: error.message });
    }
  }

  dispose(): Promise<void> {
    return this.#conn.dispose();
  }

  /** Called before each drawing: the ticks of this page that are due. */
  advance(controls: Controls, now: number): void {
    // A page that was hidden does not make up for the time.
    if (now - this.#tickAt > 10 * tickMs) this.#tickAt = now - tickMs;
    for (; now - this.#tickAt >= tickMs; this.#tickAt += tickMs) this.#wish(controls);
  }

  scene(now: number): Scene {
    const share = Math.min(1, (now - this.#tickAt) / tickMs);
    const place = this.#prediction.shown(share);
    const mine = this.#prediction.fighter;
    const fighters = this.#others.fighters(now).map((fighter) => {
      if (fighter.slot !== this.#state.slot || place === undefined || mine === undefined) return fighter;
      return { ...mine, ...place };
    });
    return { fighters, shots: this.#others.shots(now), gems: this.#others.latest?.gems ?? [] };
  }

  #wish(controls: Controls): void {
    const me = this.#prediction.fighter;
    if (this.#state.status !== "playing" || me === undefined) return;
    const { x, y, aim, fire } = controls.wish((pointer) =>
      Math.atan2(pointer.y * field.height - me.y, pointer.x * field.width - me.x),
    );
    if (aim !== undefined) this.#aim = aim;
    else if (x !== 0 || y !== 0) this.#aim = Math.atan2(y, x);
    this.#seq += 1;
    const input: Input = { seq: this.#seq, x, y, aim: this.#aim, fire };
    this.#prediction.add(input);
    this.#conn.input(input).catch((error: unknown) => {
      if (!(error instanceof HoldfastError)) return;
      if (error.code === "elsewhere") this.#set({ status: "elsewhere" });
      // The room has slept, and has forgotten who steers.
      if (error.code === "not_joined" && this.#state.status === "playing") {
        this.#set({ status: "joining" });
        void this.join();
      }
    });
  }

  #tick(frame: Frame): void {
    this.#others.add(frame, performance.now());
    const sent = frame.fighters.find(([slot]) => slot === this.#state.slot);
    if (sent === undefined) return;
    const { respawn, health, away, ...fighter } = fighterOf(sent);
    this.#prediction.correct({ ...fighter, respawn, health, away });
    const before = this.#state;
    if (before.respawn !== respawn || before.health !== health || before.isAway !== away)
      this.#set({ respawn, health, isAway: away });
  }

  #board(board: Board): void {
    this.#set({ board, endsAt: performance.now() + board.leftMs });
  }

  #news(news: readonly News[]): void {
    const { slot, board, messages } = this.#state;
    const standings = board?.standings ?? [];
    const added = news.map((each) => {
      const isMine =
        each.type === "end" || each.by === slot || (each.type === "knockout" && each.of === slot);
      this.#messageId += 1;
      return { id: this.#messageId, text: describeNews(each, standings, slot), isMine };
    });
    const end = added[news.findIndex(({ type }) => type === "end")];
    this.#set({ messages: [...messages, ...added].slice(-6), ended: end ?? this.#state.ended });
  }

  #set(change: Partial<GameState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
