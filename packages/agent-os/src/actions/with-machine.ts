/** Actions of the actor, by topic. They take what a client sends, of any type, and pass it to the machine's parts. */
import { invalid } from "../errors.ts";
import type { Cron } from "../machine/cron.ts";
import type { Files } from "../machine/files.ts";
import type { Network } from "../machine/network.ts";
import type { Processes } from "../machine/processes.ts";
import type { Sessions } from "../machine/sessions.ts";
import type { Shells } from "../machine/shells.ts";
import type { Vm } from "../machine/vm.ts";

/** Parts of a machine that is awake. */
export interface MachineParts {
  readonly vm: Vm;
  readonly files: Files;
  readonly processes: Processes;
  readonly shells: Shells;
  readonly network: Network;
  readonly cron: Cron;
  readonly sessions: Sessions;
}

/** As much of an action's context as is used. */
export interface WithMachine {
  readonly vars: { readonly parts: MachineParts | undefined };
}

/** The parts; throws while the actor stops. */
export function parts({ vars }: WithMachine): MachineParts {
  if (vars.parts === undefined) throw invalid("The actor is stopping");
  return vars.parts;
}
