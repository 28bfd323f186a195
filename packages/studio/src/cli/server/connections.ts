import { harmless, jsonLine, noArguments, oneArgument, parse, verbOf } from "@holdfast/cli";
import { withOwnerAccess } from "./owner.ts";

export const connectionsUsage = `holdfast connections [list] | check ID

  list        lists what the Studio depends on: model providers, jails, store, mail
  check ID    tries one now; exit code 1 if it does not work
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output`;

export async function connectionsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  if (values.help === true) {
    console.log(connectionsUsage);
    return 0;
  }
  const [given = "list", ...rest] = positionals;
  const verb = verbOf("connections", ["list", "check"], given);
  if (verb === "list") noArguments(rest);
  const id = verb === "list" ? "" : oneArgument(rest, "The connection's id");
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client: { administration } }) => {
    if (verb === "check") {
      const check = await administration.checkConnection(id);
      const words = check.isWorking ? "works" : "DOES NOT WORK";
      console.log(json ? jsonLine(check) : harmless(`${id}  ${words}: ${check.detail}`));
      return check.isWorking ? 0 : 1;
    }
    for (const connection of await administration.connections()) {
      const mark = connection.isSetUp ? "set up    " : "not set up";
      console.log(
        json ? jsonLine(connection) : harmless(`${connection.id.padEnd(24)}  ${mark}  ${connection.detail}`),
      );
    }
    return 0;
  });
}
