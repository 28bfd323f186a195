/** The game in words, for messages and for those who do not see the canvas. */
import type { News, Standing } from "../actors/room.ts";
import { distance } from "../game/bots.ts";
import { field, rules } from "../game/rules.ts";
import type { Scene } from "./interpolation.ts";

export function describeNews(news: News, standings: readonly Standing[], me: number | undefined): string {
  const name = (slot: number) => standings.find((each) => each.slot === slot)?.name ?? "Somebody";
  switch (news.type) {
    case "gem":
      return news.by === me ? `You have a gem: +${rules.gemPoints}` : `${name(news.by)} has a gem`;
    case "knockout":
      if (news.by === me) return `You knocked ${name(news.of)} out: +${rules.knockoutPoints}`;
      return `${name(news.by)} knocked ${news.of === me ? "you" : name(news.of)} out`;
    case "end":
      return `The round is over: ${news.winner} wins with ${points(news.points)}`;
  }
}

export function points(count: number): string {
  return count === 1 ? "1 point" : `${count} points`;
}

/** Rank, health and what is near, in one sentence each. */
export function describeScene(scene: Scene, me: number | undefined, standings: readonly Standing[]): string {
  const mine = scene.fighters.find(({ slot }) => slot === me);
  const rank = standings.findIndex(({ slot }) => slot === me) + 1;
  const standing = standings[rank - 1];
  if (mine === undefined || standing === undefined) return "You are not in the field yet.";
  const sentences = [
    `Place ${rank} of ${standings.length} with ${points(standing.points)}, health ${mine.health} of ${rules.health}.`,
    `You are ${placeInWords(mine)}.`,
  ];
  const gem = nearest(
    mine,
    scene.gems.map(([, x, y]) => ({ x, y })),
  );
  if (gem !== undefined) sentences.push(`The nearest gem is ${wayInWords(mine, gem)}.`);
  const others = scene.fighters.filter(({ slot, respawn, away }) => slot !== me && respawn === 0 && !away);
  const other = nearest(mine, others);
  const name = standings.find(({ slot }) => slot === other?.slot)?.name;
  if (other !== undefined && name !== undefined) sentences.push(`${name} is ${wayInWords(mine, other)}.`);
  return sentences.join(" ");
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function nearest<Kind extends Place>(from: Place, places: readonly Kind[]): Kind | undefined {
  return places.toSorted((a, b) => distance(from, a) - distance(from, b))[0];
}

function placeInWords({ x, y }: Place): string {
  const row = ["at the top", "in the middle", "at the bottom"][
    Math.min(2, Math.floor((3 * y) / field.height))
  ];
  const column = ["left", "centre", "right"][Math.min(2, Math.floor((3 * x) / field.width))];
  return `${row}, ${column}`;
}

/** In widths of a fighter, which is what a key press of a tenth of a second moves. */
function wayInWords(from: Place, to: Place): string {
  const steps = (length: number) => Math.round(Math.abs(length) / (2 * rules.radius));
  const [across, down] = [steps(to.x - from.x), steps(to.y - from.y)];
  const ways = [
    across === 0 ? "" : `${across} ${to.x > from.x ? "right" : "left"}`,
    down === 0 ? "" : `${down} ${to.y > from.y ? "down" : "up"}`,
  ].filter((way) => way !== "");
  return ways.length === 0 ? "beside you" : ways.join(", ");
}
