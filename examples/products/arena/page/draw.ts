/** Draws a scene on the canvas, in the colours of the page. */
import { field, rules, walls } from "../game/rules.ts";
import type { SeenFighter } from "../game/wire.ts";
import type { Scene } from "./interpolation.ts";

/** Each fighter has the colour of its slot, here and in the list. White text is readable on all of them. */
export const colours = [
  "#1d4ed8",
  "#be123c",
  "#15803d",
  "#b45309",
  "#7c3aed",
  "#0f766e",
  "#a21caf",
  "#4d7c0f",
] as const;

export function colourOf(slot: number): string {
  return colours[slot % colours.length] ?? colours[0];
}

export function draw(
  canvas: HTMLCanvasElement,
  scene: Scene,
  me: number | undefined,
  names: ReadonlyMap<number, string>,
): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  fit(canvas);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name);
  const scale = canvas.width / field.width;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = colour("--field");
  context.fillRect(0, 0, field.width, field.height);
  drawGrid(context, colour("--grid"));
  context.fillStyle = colour("--wall");
  for (const { x, y, width, height } of walls) {
    context.beginPath();
    context.roundRect(x, y, width, height, 10);
    context.fill();
  }
  for (const [id, x, y] of scene.gems) drawGem(context, x, y, id, colour("--gem"));
  for (const { x, y, slot } of scene.shots) {
    context.fillStyle = colourOf(slot);
    circle(context, x, y, rules.shotRadius);
    context.fill();
  }
  // One's own is above the others.
  const fighters = scene.fighters.toSorted((a, b) => Number(a.slot === me) - Number(b.slot === me));
  // Names stay readable on a small screen.
  const look = { ink: colour("--ink"), nameSize: Math.max(22, (10 * field.width) / canvas.clientWidth) };
  for (const fighter of fighters) {
    if (fighter.respawn > 0) continue;
    drawFighter(context, fighter, names.get(fighter.slot) ?? "", fighter.slot === me, look);
  }
}

/** As many pixels as the screen has where the canvas is shown. */
function fit(canvas: HTMLCanvasElement): void {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  if (canvas.width === width || width === 0) return;
  canvas.width = width;
  canvas.height = Math.round((width * field.height) / field.width);
}

function drawGrid(context: CanvasRenderingContext2D, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = 100; x < field.width; x += 100) {
    context.moveTo(x, 0);
    context.lineTo(x, field.height);
  }
  for (let y = 100; y < field.height; y += 100) {
    context.moveTo(0, y);
    context.lineTo(field.width, y);
  }
  context.stroke();
}

function drawGem(context: CanvasRenderingContext2D, x: number, y: number, id: number, colour: string): void {
  const size = rules.gemRadius;
  context.fillStyle = colour;
  context.save();
  context.translate(x, y);
  context.rotate(id);
  context.beginPath();
  context.moveTo(0, -size);
  context.lineTo(size * 0.8, 0);
  context.lineTo(0, size);
  context.lineTo(-size * 0.8, 0);
  context.closePath();
  context.fill();
  context.restore();
}

function drawFighter(
  context: CanvasRenderingContext2D,
  { slot, x, y, aim, health, away }: SeenFighter,
  name: string,
  isMine: boolean,
  { ink, nameSize }: { readonly ink: string; readonly nameSize: number },
): void {
  context.save();
  context.globalAlpha = away ? 0.35 : 1;
  context.translate(x, y);
  context.save();
  context.rotate(aim);
  context.fillStyle = ink;
  context.beginPath();
  context.roundRect(rules.radius * 0.4, -7, rules.radius * 0.95, 14, 4);
  context.fill();
  context.restore();
  context.fillStyle = colourOf(slot);
  circle(context, 0, 0, rules.radius);
  context.fill();
  context.lineWidth = isMine ? 5 : 2;
  context.strokeStyle = ink;
  context.stroke();
  // Health as parts of a ring: a number of things, not a colour.
  context.lineWidth = 5;
  context.strokeStyle = "#fff";
  for (let part = 0; part < health; part++) {
    const from = (part / rules.health) * 2 * Math.PI - Math.PI / 2 + 0.25;
    context.beginPath();
    context.arc(0, 0, rules.radius - 9, from, from + (2 * Math.PI) / rules.health - 0.5);
    context.stroke();
  }
  context.fillStyle = ink;
  context.textAlign = "center";
  context.font = `${isMine ? 700 : 500} ${nameSize}px system-ui, sans-serif`;
  context.fillText(name, 0, -rules.radius - 12);
  context.restore();
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}
