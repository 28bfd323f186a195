/**
 * All mutants. Protections are enumerated from the sources and from the actual specification of each driver's jail, so
 * that a new protection becomes a mutant, or fails the run as unknown.
 */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { withoutGuards, withoutRefusals } from "./mutant.ts";
import { broker } from "./plan-broker.ts";
import { egress } from "./plan-egress.ts";
import { host } from "./plan-host.ts";
import { jails } from "./plan-jails.ts";
import { layers } from "./plan-layers.ts";
import { quiet } from "./plan-quiet.ts";
import { tunnels } from "./plan-tunnels.ts";
import { gate, groups, type Planned, read } from "./planned.ts";

export type { Planned } from "./planned.ts";

/** Path prefixes whose refusals are not protections, each with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  [`${gate}attacks/`]: "the attacks themselves",
  [`${gate}plugins/kit/`]: "what a plugin's author runs on the own machine",
  [`${gate}plugins/process/runtime-folder.ts`]:
    "how a checkout makes JavaScript of what the jail of a plugin runs",
  [`${gate}plugins/runtime/`]: "runs in the jail of a plugin, which it could change",
};

/** Files with a refusal or limit that the plan neither covers nor excludes, with their content. */
export function unknownTo(planned: readonly Planned[]): string[] {
  const known = new Set(planned.map(({ file }) => file));
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const files = [gate, groups].flatMap((folder) => globSync(`${folder}**/*.ts`, { cwd: root }));
  return files.toSorted().flatMap((file) => {
    if (file.endsWith(".test.ts") || known.has(file)) return [];
    if (Object.keys(elsewhere).some((beginning) => file.startsWith(beginning))) return [];
    const text = read(file);
    const found = [...withoutGuards(file, text), ...withoutRefusals(file, text)].map(({ id }) => id);
    if (/const \w+Limits = \{/.test(text)) found.push("limits");
    return found.length === 0 ? [] : [`${file}: ${found.join("; ")}`];
  });
}

/** Throws where two mutants have one name. */
export function plan(): Planned[] {
  const planned = [...jails(), ...layers(), ...broker(), ...egress(), ...tunnels(), ...host(), ...quiet()];
  const twice = planned.filter(({ id }, at) => planned.findIndex((each) => each.id === id) !== at);
  if (twice.length > 0) throw new Error(`Two mutants have one name: ${twice.map(({ id }) => id).join("; ")}`);
  return planned;
}
