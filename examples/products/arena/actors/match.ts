/** The game of a room in memory: its world, the inputs that wait, and who steers. Points are in the state of the room. */
import { UserError } from "holdfast";
import { botInput, botNames, botsBeside } from "../game/bots.ts";
import { InputQueue } from "../game/input-queue.ts";
import { rules } from "../game/rules.ts";
import { type Happening, type Input, newFighter, newWorld, step, type World } from "../game/world.ts";
import { limits } from "../limits.ts";
import type { User } from "../sessions.ts";
import type { Round } from "./lobby.ts";

export interface Player {
  readonly slot: number;
  /** The id of the person; undefined for a bot. */
  readonly user: string | undefined;
  readonly name: string;
  points: number;
  /** How many minutes have begun since the connection was lost; undefined while there is one. */
  awayFor: number | undefined;
}

export interface RoomState {
  players: Player[];
  round: { number: number; endsAt: number };
}

interface Steering {
  readonly queue: InputQueue;
  /** The connection that steers: the latest one of a person. */
  readonly conn: string;
  inputAt: number;
}

export interface Outcome {
  readonly happenings: readonly Happening[];
  /** The players of a round that has ended, the best first. */
  readonly ended: readonly Player[] | undefined;
}

export class Match {
  readonly world: World = newWorld(Math.random);
  readonly #steering = new Map<number, Steering>();
  isRunning = false;

  /** Gives a person a place, or the place of before. */
  join(state: RoomState, user: User, conn: string, now: number): Player {
    let player = state.players.find((each) => each.user === user.id);
    if (player === undefined) {
      const people = state.players.filter((each) => each.user !== undefined);
      if (people.length >= limits.playersOfRoom)
        throw new UserError("This room is full", { code: "room_full" });
      player = {
        slot: freeSlot(state.players),
        user: user.id,
        name: user.name,
        points: 0,
        awayFor: undefined,
      };
      state.players.push(player);
    }
    const { slot } = player;
    state.players = state.players.map((each) =>
      each.slot === slot ? { ...each, awayFor: undefined } : each,
    );
    this.#steering.set(slot, { queue: new InputQueue(), conn, inputAt: now });
    this.#fillWithBots(state);
    const fighter = this.#fighter(slot);
    fighter.away = false;
    fighter.seq = 0;
    return player;
  }

  /** Takes a fighter off the field; place and points are kept for a while. False if the person steers elsewhere. */
  leave(state: RoomState, conn: string): boolean {
    const [slot] = [...this.#steering].find(([, steering]) => steering.conn === conn) ?? [];
    if (slot === undefined) return false;
    this.#steering.delete(slot);
    this.#fighter(slot).away = true;
    state.players = state.players.map((each) => (each.slot === slot ? { ...each, awayFor: 0 } : each));
    return true;
  }

  /** Called every minute: frees the places of people who have been away for a whole one. */
  prune(state: RoomState): void {
    state.players = state.players
      .map((each) => ({ ...each, awayFor: each.awayFor === undefined ? undefined : each.awayFor + 1 }))
      .filter(({ awayFor = 0 }) => awayFor < 2);
    this.#fillWithBots(state);
  }

  /** After a start, nobody steers yet: pages that are still connected join again. */
  everybodyLeft(state: RoomState): void {
    state.players = state.players.map(({ awayFor, ...player }) => ({
      ...player,
      awayFor: player.user === undefined ? undefined : (awayFor ?? 0),
    }));
  }

  input(slot: number, conn: string, input: Input, now: number): void {
    const steering = this.#steering.get(slot);
    if (steering === undefined) throw new UserError("Take a place first", { code: "not_joined" });
    if (steering.conn !== conn) throw new UserError("You play in another tab", { code: "elsewhere" });
    if (input.x !== 0 || input.y !== 0 || input.fire) {
      steering.inputAt = now;
      this.#fighter(slot).away = false;
    }
    steering.queue.add(input);
  }

  /** True while somebody plays; a room without players stands still, and can sleep. */
  isActive(now: number): boolean {
    return [...this.#steering.values()].some(({ inputAt }) => inputAt + limits.idleMs > now);
  }

  tick(state: RoomState, now: number): Outcome {
    for (const [slot, { inputAt }] of this.#steering) {
      if (inputAt + limits.idleMs <= now) this.#fighter(slot).away = true;
    }
    const inputs = this.world.fighters.map((fighter) => {
      const steering = this.#steering.get(fighter.slot);
      return [fighter.slot, steering?.queue.take() ?? [botInput(this.world, fighter)]] as const;
    });
    const happenings = step(this.world, new Map(inputs), Math.random);
    for (const { type, by } of happenings) {
      const player = state.players.find(({ slot }) => slot === by);
      if (player !== undefined) player.points += type === "gem" ? rules.gemPoints : rules.knockoutPoints;
    }
    return { happenings, ended: now < state.round.endsAt ? undefined : endRound(state, now) };
  }

  #fillWithBots(state: RoomState): void {
    const people = state.players.filter(({ user }) => user !== undefined);
    const bots = state.players.filter(({ user }) => user === undefined);
    const wanted = botsBeside(people.length, limits.fighters);
    if (bots.length !== wanted) {
      state.players = [...people, ...bots.slice(0, wanted)];
      for (let missing = wanted - bots.length; missing > 0; missing--) {
        const slot = freeSlot(state.players);
        const name = botNames[slot % botNames.length] ?? "Bot";
        state.players.push({ slot, user: undefined, name, points: 0, awayFor: undefined });
      }
    }
    const slots = new Set(state.players.map(({ slot }) => slot));
    this.world.fighters = this.world.fighters.filter(({ slot }) => slots.has(slot));
    for (const { slot, awayFor } of state.players) this.#fighter(slot).away ||= awayFor !== undefined;
  }

  #fighter(slot: number) {
    const found = this.world.fighters.find((fighter) => fighter.slot === slot);
    if (found !== undefined) return found;
    const fighter = newFighter(slot, Math.random);
    this.world.fighters.push(fighter);
    return fighter;
  }
}

function endRound(state: RoomState, now: number): readonly Player[] {
  const ended = state.players.map((player) => ({ ...player })).sort((a, b) => b.points - a.points);
  state.players = state.players.map((player) => ({ ...player, points: 0 }));
  state.round = { number: state.round.number + 1, endsAt: now + rules.roundMs };
  return ended;
}

/** What the list of best rounds keeps: people, with points. */
export function roundsOf(ended: readonly Player[], endedAt: number): Round[] {
  const people = ended.filter(({ user, points }) => user !== undefined && points > 0);
  return people.map(({ name, points }) => ({ name, points, endedAt }));
}

function freeSlot(players: readonly Player[]): number {
  const taken = new Set(players.map(({ slot }) => slot));
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}
